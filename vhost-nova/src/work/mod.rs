// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Work on the GPU: address spaces, queues and fences (`docs/virtio-nova.md`, sections 6.5, 6.6 and 8).
//!
//! Requests are checked against the tables of the tenant and answered at once; a thread of the
//! connection does the rest. It sleeps until a request, or the GPU, wakes it. The tables have one lock,
//! under which nothing waits: what takes time is a `steps::Step`, carried out without it.
//!
//! | module | role |
//! |---|---|
//! | [`Work`] (this file) | a tenant's work, as its device sees it |
//! | `service` | the thread |
//! | `share` | what is needed of a GPU |
//! | `limits` | how much a tenant may have under way |
//! | `request` | checking what a request says |
//! | `table` | fence slots, their owners, names |
//! | `line` | what happens in a slot, in order |
//! | `steps` | what is next |
//! | `reserve` | what a bind may need |
//! | `fences` | the fence memory |

mod fences;
mod limits;
mod line;
mod request;
mod reserve;
mod service;
mod share;
mod steps;
mod table;

#[cfg(test)]
pub(crate) mod fake;

use std::io;
use std::sync::{Arc, Weak};

use kernel_abi::virtio_nova::{
    BindOp, Event, FenceMemory, QueueCreate, QueueDestroy, RespGetInfo, Status, VmCreate,
    VmDestroy, BIND_SPARSE, BIND_UNMAP, ENGINE_COPY, PRIORITY_HIGH,
};
use vm_memory::GuestMemoryMmap;

use self::line::{Bind, Job, Op};
use self::service::Service;

pub(crate) use self::request::{BindRequest, ExecRequest};

pub use self::limits::{WorkLimits, VA_END, VA_START};
pub use self::share::{
    Classes, Loss, Memory, Queue, Reservation, Segment, Share, ShareError, Space, SubmitError,
    VramFigures,
};
pub use self::table::Figures;

type Result<T, E = Status> = std::result::Result<T, E>;

/// A tenant's work. Dropping it takes everything off the GPU.
pub struct Work {
    service: Arc<Service>,
}

/// Looks into a tenant's work without waiting for it.
#[derive(Clone)]
pub struct WorkInspector(Weak<Service>);

impl WorkInspector {
    /// What there is, and was done.
    pub fn figures(&self) -> Figures {
        let service = self.0.upgrade();
        service.map(|it| it.table().figures).unwrap_or_default()
    }

    /// The tenant's VRAM.
    pub fn vram(&self) -> VramFigures {
        let service = self.0.upgrade();
        service.map(|it| it.share.vram()).unwrap_or_default()
    }
}

impl Work {
    /// Work on a share of a GPU; the thread is named after the tenant.
    ///
    /// # Errors
    /// When there are no more descriptors or threads.
    pub fn new(tenant: &str, share: Arc<dyn Share>, limits: WorkLimits) -> io::Result<Self> {
        let service = Service::start(tenant, share, limits)?;
        Ok(Self { service })
    }

    /// Without a thread: a test takes the steps.
    #[cfg(test)]
    pub(crate) fn manual(share: Arc<dyn Share>, limits: WorkLimits) -> Self {
        let service = Service::without_thread(share, limits).unwrap();
        Self { service }
    }

    /// Does what there is to be done.
    #[cfg(test)]
    pub(crate) fn step(&self) {
        self.service.take_steps();
    }

    /// Its limits.
    pub fn limits(&self) -> WorkLimits {
        self.service.table().limits
    }

    /// For an operator.
    pub fn inspector(&self) -> WorkInspector {
        WorkInspector(Arc::downgrade(&self.service))
    }

    /// `wake` is called when there is an event, or the device is lost.
    pub fn set_waker(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.service.set_waker(Arc::new(wake));
    }

    /// The guest's memory is another. `false` when what goes away is mapped in an address space.
    ///
    /// # Errors
    /// When the GPU cannot reach it.
    pub fn set_memory(&self, mem: &GuestMemoryMmap) -> anyhow::Result<bool> {
        let is_set = self.service.share.set_memory(mem)?;
        if is_set {
            self.service.table().set_memory(mem.clone());
        }
        Ok(is_set)
    }

    /// `FENCE_MEMORY`
    pub(crate) fn fence_memory(&self, request: FenceMemory) -> Result<()> {
        zero(request.padding)?;
        let mut table = self.service.table();
        table.fence_memory(request.addr, request.length)
    }

    /// `GET_INFO`
    pub(crate) fn info(&self) -> RespGetInfo {
        let share = &self.service.share;
        let (classes, vram) = (share.classes(), share.vram());
        RespGetInfo {
            vram_quota: vram.quota,
            vram_used: vram.used,
            page_sizes: classes.page_sizes,
            engines: 1 << ENGINE_COPY,
            gpfifo_class: classes.gpfifo,
            copy_class: classes.copy,
            ..RespGetInfo::default()
        }
    }

    /// VRAM for an object.
    pub(crate) fn alloc(&self, len: u64) -> Result<Memory> {
        self.service.share.alloc(len).map_err(status)
    }

    /// Guest pages for a bind.
    pub(crate) fn pages(&self, runs: &[(u64, u64)]) -> Result<Memory> {
        self.service.share.pages(runs).map_err(status)
    }

    /// VRAM was given back: it is erased now.
    pub(crate) fn scrub(&self) {
        self.service.share.scrub();
    }

    /// `VM_CREATE`
    pub(crate) fn vm_create(&self, ctx: u32, request: VmCreate) -> Result<u32> {
        let slot = request.slot;
        if slot >= self.limits().fence_slots() || request.flags != 0 {
            return Err(Status::ErrInvalidParameter);
        }
        self.service.table().check_new_space(slot)?;
        // Only requests add owners, and they come one by one: the slot stays free.
        let space = self.service.share.space().map_err(status)?;
        self.service.table().add_space(ctx, slot, space)
    }

    /// `VM_DESTROY`
    pub(crate) fn vm_destroy(&self, ctx: u32, request: VmDestroy) -> Result<()> {
        zero(request.padding)?;
        let mut table = self.service.table();
        table.destroy_vm(ctx, request.vm, request.seqno)?;
        drop(table);
        self.service.wake();
        Ok(())
    }

    /// Whether a context has address spaces.
    pub(crate) fn has_vms(&self, ctx: u32) -> bool {
        self.service.table().has_vms(ctx)
    }

    /// `VM_BIND`. `lookup` finds the memory of a range of an object: handle, offset, bytes; and where in
    /// that memory the range begins.
    pub(crate) fn bind(
        &self,
        ctx: u32,
        request: &BindRequest<'_>,
        mut lookup: impl FnMut(u32, u64, u64) -> Result<(Memory, u64)>,
    ) -> Result<()> {
        let limits = self.limits();
        request.check(&limits)?;
        let head = request.head;
        // That nobody else accepts in between is the caller's lock's doing.
        let mut table = self.service.table();
        let (slot, waits) = table.check_bind(ctx, head.vm, head.seqno, request.waits)?;
        drop(table);
        let mut ops = Vec::new();
        ops.try_reserve_exact(head.nr_ops as usize)
            .map_err(|_| Status::ErrOutOfMemory)?;
        let (mut tables, mut mappings) = (0u64, 0u64);
        for op in request.ops() {
            tables += reserve::tables(op.addr, op.length);
            mappings += reserve::MAPPINGS;
            ops.push(resolve(&op, &mut lookup)?);
        }
        let reservation = match ops.is_empty() {
            true => None,
            false => Some(
                self.service
                    .share
                    .reserve(tables, mappings)
                    .map_err(status)?,
            ),
        };
        let work = Bind { ops, reservation };
        let seqno = head.seqno;
        let mut table = self.service.table();
        table.accept_bind(slot, Job { seqno, waits, work });
        drop(table);
        self.service.wake();
        Ok(())
    }

    /// `QUEUE_CREATE`
    pub(crate) fn queue_create(&self, ctx: u32, request: QueueCreate) -> Result<u32> {
        let QueueCreate {
            vm,
            slot,
            engine,
            priority,
            flags,
            padding,
        } = request;
        let is_valid = engine == ENGINE_COPY
            && priority <= PRIORITY_HIGH
            && flags == 0
            && padding == 0
            && slot < self.limits().fence_slots();
        if !is_valid {
            return Err(Status::ErrInvalidParameter);
        }
        let (space_slot, space) = self.service.table().check_new_queue(ctx, vm, slot)?;
        let queue = self.service.queue(&space, priority).map_err(status)?;
        let mut table = self.service.table();
        table.add_queue(ctx, slot, space_slot, queue)
    }

    /// `QUEUE_DESTROY`
    pub(crate) fn queue_destroy(&self, ctx: u32, request: QueueDestroy) -> Result<()> {
        zero(request.padding)?;
        let mut table = self.service.table();
        table.destroy_queue(ctx, request.queue, request.seqno)?;
        drop(table);
        self.service.wake();
        Ok(())
    }

    /// `EXEC`
    pub(crate) fn exec(&self, ctx: u32, request: &ExecRequest<'_>) -> Result<()> {
        let limits = self.limits();
        request.check(&limits)?;
        let head = request.head;
        let mut segments = Vec::new();
        segments
            .try_reserve_exact(head.nr_pushes as usize)
            .map_err(|_| Status::ErrOutOfMemory)?;
        segments.extend(request.segments());
        self.service
            .exec(ctx, head.queue, head.seqno, request.waits, segments)
    }

    /// Whether there is an event for the driver.
    pub(crate) fn has_event(&self) -> bool {
        self.service.table().has_event()
    }

    /// Takes an event that is to be delivered.
    pub(crate) fn take_event(&self) -> Option<Event> {
        self.service.table().take_event()
    }

    /// An event could not be delivered.
    pub(crate) fn put_back(&self, event: Event) {
        self.service.table().put_back(event);
    }

    /// Whether the tenant's device is lost: the card, or the fence memory.
    pub(crate) fn is_lost(&self) -> bool {
        self.service.table().is_gone || self.service.share.is_lost()
    }

    /// When this returns, nothing of the tenant runs on the GPU and the guest's memory is not written,
    /// until [`Self::resume`].
    pub(crate) fn pause(&self) {
        self.service.pause();
    }

    /// Goes on.
    pub(crate) fn resume(&self) {
        self.service.resume();
    }

    /// Ends everything. When this returns nothing is mapped any more.
    pub(crate) fn reset(&self) {
        self.service.reset();
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.service.end();
    }
}

fn resolve(
    op: &BindOp,
    lookup: &mut impl FnMut(u32, u64, u64) -> Result<(Memory, u64)>,
) -> Result<Op> {
    let BindOp {
        addr,
        offset,
        length,
        ..
    } = *op;
    if op.op == BIND_UNMAP {
        return Ok(Op::Unmap { addr, length });
    }
    if op.flags & BIND_SPARSE != 0 {
        return Ok(Op::Sparse { addr, length });
    }
    let (memory, offset) = lookup(op.handle, offset, length)?;
    Ok(Op::Map {
        addr,
        memory,
        offset,
        length,
        read_only: op.flags != 0,
    })
}

fn zero(padding: u32) -> Result<()> {
    match padding {
        0 => Ok(()),
        _ => Err(Status::ErrInvalidParameter),
    }
}

fn status(error: ShareError) -> Status {
    match error {
        ShareError::Limit => Status::ErrLimit,
        ShareError::OutOfMemory => Status::ErrOutOfMemory,
        ShareError::Address => Status::ErrInvalidAddress,
        ShareError::Failed => Status::ErrUnspec,
    }
}
