// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An open file and its ioctls.
//!
//! The first three have the semantics of upstream's nova-drm in Linux 7.3: padding is not
//! looked at, a parameter is its low 32 bits, a size of zero is `EINVAL`. Address spaces and queues are in `file/work.rs`.

use crate::{
    context::Context,
    drm::{NovaDevice, NovaDriver},
    gem::{Kind, NovaObject},
};
use core::pin::Pin;
use drm_core::{
    device::Ioctl,
    gem::{BaseObject, DriverObject},
    DriverFile, File,
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::{code::EINVAL, Error, Result},
    new_mutex,
    sync::{Arc, Mutex},
    uapi,
};
use pinned_init::{pin_data, try_pin_init};

mod work;

use self::work::Tables;

/// What belongs to one open file: its context on the host, and what that has.
#[pin_data]
pub(crate) struct NovaFile {
    #[pin]
    tables: Mutex<Tables>,
    // After what is in it.
    context: Arc<Context>,
}

impl DriverFile for NovaFile {
    type Driver = NovaDriver;

    /// Creates the context. Sleeps; killable.
    fn open(device: &NovaDevice) -> Result<Pin<KBox<Self>>> {
        let context = Context::create(device.control().clone())?;
        KBox::pin_init(
            try_pin_init!(Self {
                tables <- new_mutex!(Tables::default(), "NovaFile::tables"),
                context,
            }? Error),
            GFP_KERNEL,
        )
    }
}

impl NovaFile {
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// `DRM_IOCTL_NOVA_GETPARAM`
    pub(crate) fn get_param(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_getparam,
        _file: &File<Self>,
    ) -> Result<u32> {
        req.value = match u64::from(req.param as u32) {
            uapi::NOVA_GETPARAM_VRAM_BAR_SIZE => device.info()?.vram_bar_size,
            _ => return Err(EINVAL),
        };
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_GEM_CREATE`
    pub(crate) fn gem_create(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_gem_create,
        file: &File<Self>,
    ) -> Result<u32> {
        let object = NovaObject::create(device, req.size, Kind::SYSTEM)?;
        req.handle = object.create_handle(file)?;
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_GEM_INFO`
    pub(crate) fn gem_info(
        _device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_gem_info,
        file: &File<Self>,
    ) -> Result<u32> {
        req.size = NovaObject::lookup(file, req.handle)?.size() as u64;
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_QUERY`
    pub(crate) fn query(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_query,
        _file: &File<Self>,
    ) -> Result<u32> {
        if req.pad != 0 {
            return Err(EINVAL);
        }
        let info = device.info()?;
        req.chipset = info.chipset;
        req.vram_size = info.vram_size;
        req.vram_bar_size = info.vram_bar_size;
        req.chip_name = info.chip_name;
        Self::query_work(device, req)?;
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_GEM_MMAP_OFFSET`
    pub(crate) fn gem_mmap_offset(
        _device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_gem_mmap_offset,
        file: &File<Self>,
    ) -> Result<u32> {
        if req.pad != 0 {
            return Err(EINVAL);
        }
        let object = NovaObject::lookup(file, req.handle)?;
        <NovaObject as DriverObject>::may_map(&object)?;
        req.offset = object.create_mmap_offset()?;
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_GEM_CHECKSUM`
    pub(crate) fn gem_checksum(
        _device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_gem_checksum,
        file: &File<Self>,
    ) -> Result<u32> {
        if req.pad != 0 {
            return Err(EINVAL);
        }
        let object = NovaObject::lookup(file, req.handle)?;
        req.crc32 = NovaObject::checksum(&object, file.inner().get_ref().context(), req)?;
        Ok(0)
    }
}
