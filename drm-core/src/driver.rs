// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a DRM driver is.
//!
//! C header: `include/drm/drm_drv.h`.

use crate::{file::DriverFile, gem::AllocImpl, ioctl::DrmIoctlDescriptor};
use core::ffi::CStr;
use kernel_abi::device::{self, AsBusDevice};

/// Who a driver is, as `DRM_IOCTL_VERSION` tells it.
///
/// ```
/// use drm_core::DriverInfo;
///
/// const INFO: DriverInfo = DriverInfo {
///     major: 1,
///     minor: 0,
///     patchlevel: 0,
///     name: c"toy",
///     desc: c"A toy",
/// };
/// assert_eq!(INFO.name.to_bytes(), b"toy");
/// ```
pub struct DriverInfo {
    /// Grows with incompatible changes.
    pub major: i32,
    /// Grows with additions.
    pub minor: i32,
    /// Grows with corrections.
    pub patchlevel: i32,
    /// The driver's name.
    pub name: &'static CStr,
    /// What it drives.
    pub desc: &'static CStr,
}

/// A DRM driver (`struct drm_driver`).
///
/// The [crate's page](crate) has a whole one.
pub trait Driver: Sized + 'static {
    /// What belongs to a device, and lives as long as that.
    type Data: Send + Sync;

    /// What belongs to a registration, and ends with it; reached by
    /// [`Device::registration_data_with`](crate::Device::registration_data_with).
    type RegistrationData<'a>: Send + Sync + 'a;

    /// The driver's GEM objects.
    type Object: AllocImpl<Driver = Self>;

    /// What belongs to an open file.
    type File: DriverFile<Driver = Self>;

    /// The bus's device that the DRM device hangs below.
    type ParentDevice<Ctx: device::DeviceContext>: AsBusDevice<Ctx>;

    /// Who it is.
    const INFO: DriverInfo;

    /// The driver's ioctls, by [`declare_drm_ioctls!`](crate::declare_drm_ioctls).
    const IOCTLS: &'static [DrmIoctlDescriptor];

    /// Whether the device has a render node (`DRIVER_RENDER`): a second node for clients that only compute, with
    /// the ioctls that are [`RENDER_ALLOW`](crate::ioctl::RENDER_ALLOW) alone.
    const FEAT_RENDER: bool = false;

    /// Whether files have binary sync objects (`DRIVER_SYNCOBJ`), with DRM core's own ioctls; see [`syncobj`](crate::syncobj).
    const FEAT_SYNCOBJ: bool = false;

    /// Whether sync objects may be timelines (`DRIVER_SYNCOBJ_TIMELINE`).
    const FEAT_SYNCOBJ_TIMELINE: bool = false;
}
