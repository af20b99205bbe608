// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The ioctls of video memory, address spaces and queues. `EOPNOTSUPP` from a device without them.

use super::NovaFile;
use crate::{
    control::{Keep, Undo},
    drm::NovaDevice,
    gem::{Kind, NovaObject},
    work::{Queue, Slots, Vm, MAX_SYNCS},
};
use drm_core::{device::Ioctl, gem::BaseObject, File};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KVec},
    error::{
        code::{EINVAL, ENOENT, EOPNOTSUPP},
        Result,
    },
    sync::Arc,
    uapi,
    virtio_nova::{RespGetInfo, CMD_GET_INFO, DOMAIN_SYSTEM, DOMAIN_VRAM, MAX_PUSH_LENGTH},
};

/// What a file has, by the numbers that its program knows: an index and one.
struct Table<T>(KVec<Option<Arc<T>>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(KVec::new())
    }
}

impl<T> Table<T> {
    /// The number that is next, with room for it.
    fn next(&mut self) -> Result<u32> {
        let free = self.0.iter().position(Option::is_none);
        let index = match free {
            Some(index) => index,
            None => {
                self.0.push(None, GFP_KERNEL)?;
                self.0.len() - 1
            }
        };
        Ok(u32::try_from(index + 1)?)
    }

    fn place(&mut self, id: u32) -> Result<&mut Option<Arc<T>>> {
        let index = (id as usize).checked_sub(1).ok_or(ENOENT)?;
        self.0.get_mut(index).ok_or(ENOENT)
    }

    fn get(&mut self, id: u32) -> Result<Arc<T>> {
        self.place(id)?.clone().ok_or(ENOENT)
    }
}

/// Queues and address spaces of a file. The queues end first.
#[derive(Default)]
pub(super) struct Tables {
    queues: Table<Queue>,
    vms: Table<Vm>,
}

/// What work needs; `EOPNOTSUPP` from a device without.
fn slots(device: &NovaDevice<Ioctl>) -> Result<&Arc<Slots>> {
    device.slots().ok_or(EOPNOTSUPP)
}

impl NovaFile {
    /// The part of a query that is about work.
    pub(super) fn query_work(device: &NovaDevice<Ioctl>, req: &mut uapi::drm_nova_query) -> Result {
        let Some(slots) = device.slots() else {
            return Ok(());
        };
        let nothing = [0u8; 0];
        let (undo, keep) = (Undo::Nothing, Keep::default());
        let control = slots.control();
        let info: RespGetInfo = control.call(CMD_GET_INFO, 0, &nothing, undo, keep)?;
        let config = slots.config();
        *req = uapi::drm_nova_query {
            options: uapi::NOVA_OPTION_WORK,
            engines: info.engines,
            gpfifo_class: info.gpfifo_class,
            copy_class: info.copy_class,
            vram_quota: info.vram_quota,
            vram_used: info.vram_used,
            va_start: config.va_start,
            va_end: config.va_end,
            page_sizes: info.page_sizes,
            max_object_size: config.max_object_size,
            max_bind_ops: config.max_bind_ops,
            max_pushes: config.max_pushes,
            max_push_length: MAX_PUSH_LENGTH,
            max_syncs: MAX_SYNCS,
            max_binds_in_flight: config.max_binds_in_flight,
            max_execs_in_flight: config.max_execs_in_flight,
            work_timeout_ms: config.work_timeout_ms,
            pad2: 0,
            ..*req
        };
        Ok(())
    }

    /// `DRM_IOCTL_NOVA_GEM_NEW`
    pub(crate) fn gem_new(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_gem_new,
        file: &File<Self>,
    ) -> Result<u32> {
        let write_combined = req.flags & uapi::NOVA_GEM_WRITE_COMBINED != 0;
        if req.flags & !uapi::NOVA_GEM_WRITE_COMBINED != 0 || req.pad != 0 {
            return Err(EINVAL);
        }
        let domain = match req.domain {
            uapi::NOVA_GEM_DOMAIN_SYSTEM => DOMAIN_SYSTEM,
            uapi::NOVA_GEM_DOMAIN_VRAM if !write_combined => {
                slots(device)?;
                DOMAIN_VRAM
            }
            _ => return Err(EINVAL),
        };
        let kind = Kind {
            domain,
            write_combined,
        };
        req.handle = NovaObject::create(device, req.size, kind)?.create_handle(file)?;
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_VM_CREATE`
    pub(crate) fn vm_create(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_vm_create,
        file: &File<Self>,
    ) -> Result<u32> {
        if req.flags != 0 {
            return Err(EINVAL);
        }
        let slots = slots(device)?;
        let mut tables = file.inner().get_ref().tables.lock();
        let id = tables.vms.next()?;
        *tables.vms.place(id)? = Some(Vm::create(file, slots, id)?);
        req.vm_id = id;
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_VM_DESTROY`
    pub(crate) fn vm_destroy(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_vm_destroy,
        file: &File<Self>,
    ) -> Result<u32> {
        slots(device)?;
        if req.pad != 0 {
            return Err(EINVAL);
        }
        let mut tables = file.inner().get_ref().tables.lock();
        let place = tables.vms.place(req.vm_id)?;
        place.as_ref().ok_or(ENOENT)?.end()?;
        let ended = place.take();
        drop(tables);
        drop(ended);
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_VM_BIND`
    pub(crate) fn vm_bind(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_vm_bind,
        file: &File<Self>,
    ) -> Result<u32> {
        slots(device)?;
        let vm = file.inner().get_ref().tables.lock().vms.get(req.vm_id)?;
        vm.bind(file, req)?;
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_QUEUE_CREATE`
    pub(crate) fn queue_create(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_queue_create,
        file: &File<Self>,
    ) -> Result<u32> {
        slots(device)?;
        let mut tables = file.inner().get_ref().tables.lock();
        let vm = tables.vms.get(req.vm_id)?;
        let id = tables.queues.next()?;
        *tables.queues.place(id)? = Some(Queue::create(file, vm, req, id)?);
        req.queue_id = id;
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_QUEUE_DESTROY`
    pub(crate) fn queue_destroy(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_queue_destroy,
        file: &File<Self>,
    ) -> Result<u32> {
        slots(device)?;
        if req.pad != 0 {
            return Err(EINVAL);
        }
        let mut tables = file.inner().get_ref().tables.lock();
        let ended = tables.queues.place(req.queue_id)?.take().ok_or(ENOENT)?;
        drop(tables);
        drop(ended);
        Ok(0)
    }

    /// `DRM_IOCTL_NOVA_EXEC`
    pub(crate) fn exec(
        device: &NovaDevice<Ioctl>,
        req: &mut uapi::drm_nova_exec,
        file: &File<Self>,
    ) -> Result<u32> {
        slots(device)?;
        let queue = file
            .inner()
            .get_ref()
            .tables
            .lock()
            .queues
            .get(req.queue_id)?;
        queue.exec(file, req)?;
        Ok(0)
    }
}
