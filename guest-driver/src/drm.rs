// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The DRM driver: what the node is and which ioctls it has.

use crate::{control::Control, file::NovaFile, gem::NovaObject, work::Slots};
use drm_core::{declare_drm_ioctls, device::Normal, gem, ioctl, Driver, DriverInfo};
use kernel_abi::{device, error::Result, sync::Arc, uapi::*, virtio, virtio_nova::RespNegotiate};

/// The DRM device of this driver.
pub(crate) type NovaDevice<C = Normal> = drm_core::Device<NovaDriver, C>;

/// What every call on the node needs.
pub(crate) struct NovaData {
    control: Arc<Control>,
    slots: Option<Arc<Slots>>,
}

impl NovaData {
    pub(crate) fn new(control: Arc<Control>, slots: Option<Arc<Slots>>) -> Self {
        Self { control, slots }
    }

    /// What work needs, when the device offers it.
    pub(crate) fn slots(&self) -> Option<&Arc<Slots>> {
        self.slots.as_ref()
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// What the host has said of the GPU; it has before there is a node.
    pub(crate) fn info(&self) -> Result<&RespNegotiate> {
        self.control.info()
    }

    /// The chip's name as text, or "?" when it is none.
    pub(crate) fn chip_name(info: &RespNegotiate) -> &str {
        core::ffi::CStr::from_bytes_until_nul(&info.chip_name)
            .ok()
            .and_then(|name| name.to_str().ok())
            .unwrap_or("?")
    }
}

/// The DRM driver.
pub(crate) struct NovaDriver;

impl Driver for NovaDriver {
    type Data = NovaData;
    type RegistrationData<'a> = ();
    type Object = gem::Object<NovaObject>;
    type File = NovaFile;
    type ParentDevice<Ctx: device::DeviceContext> = virtio::Device<Ctx>;

    /// As upstream's nova-drm.
    const INFO: DriverInfo = DriverInfo {
        major: 0,
        minor: 0,
        patchlevel: 0,
        name: c"nova-drm",
        desc: c"NVIDIA Graphics and Compute",
    };

    const FEAT_RENDER: bool = true;
    const FEAT_SYNCOBJ: bool = true;
    const FEAT_SYNCOBJ_TIMELINE: bool = true;

    declare_drm_ioctls! {
        (DRM_IOCTL_NOVA_GETPARAM, drm_nova_getparam, ioctl::RENDER_ALLOW, NovaFile::get_param),
        (DRM_IOCTL_NOVA_GEM_CREATE, drm_nova_gem_create, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::gem_create),
        (DRM_IOCTL_NOVA_GEM_INFO, drm_nova_gem_info, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::gem_info),
        (DRM_IOCTL_NOVA_QUERY, drm_nova_query, ioctl::RENDER_ALLOW, NovaFile::query),
        (DRM_IOCTL_NOVA_GEM_NEW, drm_nova_gem_new, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::gem_new),
        (DRM_IOCTL_NOVA_GEM_MMAP_OFFSET, drm_nova_gem_mmap_offset, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::gem_mmap_offset),
        (DRM_IOCTL_NOVA_VM_CREATE, drm_nova_vm_create, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::vm_create),
        (DRM_IOCTL_NOVA_VM_DESTROY, drm_nova_vm_destroy, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::vm_destroy),
        (DRM_IOCTL_NOVA_VM_BIND, drm_nova_vm_bind, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::vm_bind),
        (DRM_IOCTL_NOVA_QUEUE_CREATE, drm_nova_queue_create, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::queue_create),
        (DRM_IOCTL_NOVA_QUEUE_DESTROY, drm_nova_queue_destroy, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::queue_destroy),
        (DRM_IOCTL_NOVA_EXEC, drm_nova_exec, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::exec),
        (DRM_IOCTL_NOVA_GEM_CHECKSUM, drm_nova_gem_checksum, ioctl::AUTH | ioctl::RENDER_ALLOW, NovaFile::gem_checksum),
    }
}
