// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One function a command on work (sections 6.3, 6.5 and 6.6), and what happens to all of it.

use drm_core::gem::BaseObject;
use kernel_abi::virtio_nova::{
    FenceMemory, QueueCreate, QueueDestroy, RespQueueCreate, RespVmCreate, Status, VmCreate,
    VmDestroy, CMD_EXEC, CMD_FENCE_MEMORY, CMD_GET_INFO, CMD_QUEUE_CREATE, CMD_QUEUE_DESTROY,
    CMD_VM_BIND, CMD_VM_CREATE, CMD_VM_DESTROY,
};
use vm_memory::GuestMemoryMmap;

use super::{
    answer::Reply,
    commands::{missing, no_context},
    exactly, Device,
};
use crate::work::{BindRequest, ExecRequest, Memory, Work};

type Result<T = Reply, E = Status> = std::result::Result<T, E>;

impl Device {
    pub(super) fn dispatch_work(&mut self, command: u32, ctx_id: u32, body: &[u8]) -> Result {
        match command {
            CMD_FENCE_MEMORY => self.fence_memory(ctx_id, exactly(body)?),
            CMD_GET_INFO => self.get_info(ctx_id, exactly(body)?),
            CMD_VM_CREATE => self.vm_create(ctx_id, exactly(body)?),
            CMD_VM_DESTROY => self.vm_destroy(ctx_id, exactly(body)?),
            CMD_VM_BIND => self.vm_bind(ctx_id, body),
            CMD_QUEUE_CREATE => self.queue_create(ctx_id, exactly(body)?),
            CMD_QUEUE_DESTROY => self.queue_destroy(ctx_id, exactly(body)?),
            CMD_EXEC => self.exec(ctx_id, body),
            _ => Err(Status::ErrInvalidCommand),
        }
    }

    fn work(&self) -> Result<&Work> {
        self.work.as_ref().ok_or(Status::ErrInvalidCommand)
    }

    /// The work, for a command of a context that there is.
    fn work_in(&self, ctx_id: u32) -> Result<&Work> {
        self.contexts.get(ctx_id)?;
        self.work()
    }

    fn fence_memory(&mut self, ctx_id: u32, request: FenceMemory) -> Result {
        no_context(ctx_id)?;
        self.work()?.fence_memory(request)?;
        Ok(Reply::Nothing)
    }

    fn get_info(&mut self, ctx_id: u32, _nothing: [u8; 0]) -> Result {
        no_context(ctx_id)?;
        Ok(Reply::GetInfo(self.work()?.info()))
    }

    fn vm_create(&mut self, ctx_id: u32, request: VmCreate) -> Result {
        let vm = self.work_in(ctx_id)?.vm_create(ctx_id, request)?;
        Ok(Reply::VmCreate(RespVmCreate { vm, padding: 0 }))
    }

    fn vm_destroy(&mut self, ctx_id: u32, request: VmDestroy) -> Result {
        self.work_in(ctx_id)?.vm_destroy(ctx_id, request)?;
        Ok(Reply::Nothing)
    }

    fn vm_bind(&mut self, ctx_id: u32, body: &[u8]) -> Result {
        let request = BindRequest::take(body)?;
        let work = self.work_in(ctx_id)?;
        let lookup = |handle, offset, length| self.mappable(ctx_id, handle, offset, length);
        work.bind(ctx_id, &request, lookup)?;
        Ok(Reply::Nothing)
    }

    fn queue_create(&mut self, ctx_id: u32, request: QueueCreate) -> Result {
        let queue = self.work_in(ctx_id)?.queue_create(ctx_id, request)?;
        Ok(Reply::QueueCreate(RespQueueCreate { queue, padding: 0 }))
    }

    fn queue_destroy(&mut self, ctx_id: u32, request: QueueDestroy) -> Result {
        self.work_in(ctx_id)?.queue_destroy(ctx_id, request)?;
        Ok(Reply::Nothing)
    }

    fn exec(&mut self, ctx_id: u32, body: &[u8]) -> Result {
        let request = ExecRequest::take(body)?;
        self.work_in(ctx_id)?.exec(ctx_id, &request)?;
        Ok(Reply::Nothing)
    }

    /// The memory that a range of an object is, and where in it the range begins.
    fn mappable(&self, ctx: u32, handle: u32, offset: u64, length: u64) -> Result<(Memory, u64)> {
        let object = self.object(ctx, handle)?;
        let end = offset.checked_add(length);
        if end.is_none_or(|end| end > object.size() as u64) {
            return Err(Status::ErrInvalidParameter);
        }
        if missing(&object) != 0 {
            return Err(Status::ErrBusy);
        }
        if let Some(vram) = object.vram() {
            return Ok((vram.clone(), offset));
        }
        let runs = object.backing().runs(offset, length);
        let runs = runs.ok_or(Status::ErrOutOfMemory)?;
        Ok((self.work()?.pages(&runs)?, 0))
    }

    /// The guest's memory is another. What goes away is let go of before this returns: a tenant whose
    /// address spaces map it loses its device.
    ///
    /// # Errors
    /// When the GPU cannot reach the memory.
    pub fn set_memory(&mut self, mem: &GuestMemoryMmap) -> anyhow::Result<()> {
        let Some(work) = &self.work else {
            return Ok(());
        };
        if work.set_memory(mem)? {
            return Ok(());
        }
        self.mark_lost();
        match self.work.as_ref().map(|work| work.set_memory(mem)) {
            None | Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => anyhow::bail!("memory that goes away is still mapped for the GPU"),
            Some(Err(error)) => Err(error),
        }
    }

    /// Calls `wake` when there is an event, or the device is lost.
    pub fn set_waker(&self, wake: impl Fn() + Send + Sync + 'static) {
        if let Some(work) = &self.work {
            work.set_waker(wake);
        }
    }

    /// Whether the card, or the fence memory, is gone.
    pub fn is_work_lost(&self) -> bool {
        self.work.as_ref().is_some_and(Work::is_lost)
    }

    /// When this returns nothing of the tenant runs, until [`Self::resume`].
    pub fn pause(&mut self) {
        if let Some(work) = &self.work {
            work.pause();
        }
    }

    /// Goes on.
    pub fn resume(&mut self) {
        if let Some(work) = &self.work {
            work.resume();
        }
    }

    pub(super) fn end_work(&mut self) {
        if let Some(work) = &self.work {
            work.reset();
        }
    }
}
