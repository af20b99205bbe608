// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a DRM driver is.
//!
//! C header: `include/drm/drm_drv.h`.

use crate::{file::DriverFile, gem::AllocImpl, ioctl::DrmIoctlDescriptor};
use core::ffi::CStr;

/// Who a driver is, as `DRM_IOCTL_VERSION` tells it.
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

/// A DRM driver.
pub trait Driver: Sized + 'static {
    /// What belongs to a device.
    type Data: Send + Sync;
    /// The driver's GEM objects.
    type Object: AllocImpl<Driver = Self>;
    /// What belongs to an open file.
    type File: DriverFile<Driver = Self>;

    /// Who it is.
    const INFO: DriverInfo;

    /// The driver's ioctls, by [`declare_drm_ioctls!`](crate::declare_drm_ioctls).
    const IOCTLS: &'static [DrmIoctlDescriptor];

    /// Whether the device has a render node (`DRIVER_RENDER`).
    const FEAT_RENDER: bool = false;
}
