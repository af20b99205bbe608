// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An address space of a file.

use super::{
    job::{Job, Kept},
    lost::{DeviceLost, LostEvent},
    mappings::Mappings,
    slots::Slots,
    sync::{copy, Signals, Waits},
    timeline::{End, Timeline},
};
use crate::{
    context::Context,
    control::{Answered, Body, Keep, Undo},
    file::NovaFile,
    gem::{NovaObject, Pages},
};
use core::ops::Range;
use drm_core::{fence::Fence, gem::BaseObject, File};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{
        code::{EBUSY, EINTR, EINVAL, ETIMEDOUT},
        Error, Result,
    },
    new_mutex,
    sync::{Arc, Mutex},
    uapi::{
        drm_nova_vm_bind, NOVA_VM_BIND_ASYNC, NOVA_VM_BIND_OP_MAP, NOVA_VM_BIND_OP_UNMAP,
        NOVA_VM_BIND_READ_ONLY, NOVA_VM_BIND_SPARSE,
    },
    virtio_nova::{
        BindOp, RespVmCreate, VmBind, VmCreate, VmDestroy, Wire, CMD_VM_BIND, CMD_VM_CREATE,
        CMD_VM_DESTROY, PAGE_SIZE,
    },
};
use pinned_init::{pin_data, try_pin_init};

/// What a mapping keeps in place: the pages of a system object.
pub(super) type Held = Option<Arc<Pages>>;

struct State {
    mappings: Mappings<Held>,
    /// What the host may still map although nobody knows: kept until the end.
    limbo: KVec<Held>,
    /// Queues on it.
    queues: usize,
    /// `VM_DESTROY` was asked for.
    ended: bool,
    /// Last: with it goes what is mapped.
    end: End,
}

/// An address space. Dropping it ends it on the host; what it maps is let go when that is complete.
#[pin_data(PinnedDrop)]
pub(crate) struct Vm {
    context: Arc<Context>,
    /// The host's number.
    vm: u32,
    timeline: Arc<Timeline>,
    #[pin]
    state: Mutex<State>,
}

/// A queue of an address space, also one that is being made: until this is dropped the space is not ended. Process context.
pub(crate) struct QueueOf(Arc<Vm>);

impl QueueOf {
    /// One more; `EBUSY` when the space is ended.
    pub(super) fn new(vm: &Arc<Vm>) -> Result<Self> {
        vm.add_queue()?;
        Ok(Self(vm.clone()))
    }
}

impl Drop for QueueOf {
    fn drop(&mut self) {
        self.0.remove_queue();
    }
}

/// A change of mappings, checked.
struct Change {
    range: Range<u64>,
    /// None to unmap.
    map: Option<Held>,
}

impl Vm {
    /// Makes one for `file`, which knows it as `id`. Sleeps; killable.
    pub(crate) fn create(file: &File<NovaFile>, slots: &Arc<Slots>, id: u32) -> Result<Arc<Self>> {
        let context = file.inner().get_ref().context();
        let event = LostEvent::vm(file, id, DeviceLost::reserve(file)?)?;
        let slot = Slots::reserve(slots)?;
        let most = slots.config().max_binds_in_flight;
        let timeline = Timeline::new(&slot, c"vm", most, event)?;
        let destroy = VmDestroy::default().to_bytes();
        let job = end_job(&timeline, context, CMD_VM_DESTROY, &destroy)?;
        let create = VmCreate {
            slot: slot.index(),
            flags: 0,
        };
        let keep = Keep {
            context: Some(context.clone()),
            slot: Some(slot),
            ..Keep::default()
        };
        let call = context.control().start::<_, RespVmCreate>(
            CMD_VM_CREATE,
            context.id(),
            &create,
            Undo::DestroyVm,
            keep,
        );
        let mut created: Answered<RespVmCreate> = call.map_err(Error::from)?.wait()?;
        let vm = created.value.vm;
        let end = End::new(timeline.clone(), created.take_slot()?, job, vm)?;
        let state = State {
            mappings: Mappings::new(),
            limbo: KVec::new(),
            queues: 0,
            ended: false,
            end,
        };
        Arc::pin_init(
            try_pin_init!(Self {
                context: context.clone(),
                vm,
                timeline,
                state <- new_mutex!(state, "Vm::state"),
            }? Error),
            GFP_KERNEL,
        )
    }

    pub(super) fn number(&self) -> u32 {
        self.vm
    }

    pub(super) fn timeline(&self) -> &Arc<Timeline> {
        &self.timeline
    }

    /// Notes a queue more; `EBUSY` when it is ended.
    fn add_queue(&self) -> Result {
        let mut state = self.state.lock();
        if state.ended {
            return Err(EBUSY);
        }
        state.queues += 1;
        Ok(())
    }

    /// Notes a queue less.
    fn remove_queue(&self) {
        self.state.lock().queues -= 1;
    }

    /// It takes no more queues; `EBUSY` while it has some.
    pub(crate) fn end(&self) -> Result {
        let mut state = self.state.lock();
        if state.queues > 0 {
            return Err(EBUSY);
        }
        state.ended = true;
        Ok(())
    }

    /// `DRM_IOCTL_NOVA_VM_BIND`. Sleeps; killable.
    pub(crate) fn bind(&self, file: &File<NovaFile>, req: &drm_nova_vm_bind) -> Result {
        let is_async = req.flags & NOVA_VM_BIND_ASYNC != 0;
        let has_syncs = req.wait_count > 0 || req.sig_count > 0;
        if req.flags & !NOVA_VM_BIND_ASYNC != 0 || req.pad != 0 || (!is_async && has_syncs) {
            return Err(EINVAL);
        }
        self.timeline.check()?;
        let most = self.timeline.slots().config().max_bind_ops;
        let ops = copy(req.op_ptr, req.op_count, most, BindOp::LEN)?;
        let waits = Waits::read(file, &self.timeline, req.wait_ptr, req.wait_count)?;
        let signals = Signals::read(file, req.sig_ptr, req.sig_count)?;
        let mut state = self.state.lock();
        let (ops, changes) = self.changes(file, &ops)?;
        let kept = Kept {
            context: Some(self.context.clone()),
            held: affected(&mut state, &changes)?,
            mappings: None,
        };
        let bind = VmBind {
            vm: self.vm,
            nr_ops: req.op_count,
            seqno: 0,
            nr_waits: u32::try_from(waits.host.len())?,
            padding: 0,
        };
        let mut body = Body::new(&bind.to_bytes(), ops.len() + waits.host.len() * 16)?;
        body.bytes(&ops)?;
        for wait in waits.host.iter() {
            body.bytes(&wait.to_bytes())?;
        }
        let fence = Timeline::fence(&self.timeline)?;
        let control = self.context.control();
        let (request, call) = control.job(CMD_VM_BIND, self.context.id(), body, &fence)?;
        let wants_event = !kept.held.is_empty();
        fence
            .wanted
            .store(wants_event, core::sync::atomic::Ordering::Release);
        let job = KBox::new(
            Job {
                seqno: 0,
                request: Some(request),
                fence: fence.clone(),
                gate: waits.gate,
                watches: waits.watches,
                kept,
                is_end: false,
                is_deferred: false,
            },
            GFP_KERNEL,
        )?;
        // Room for what may be in doubt below.
        state.limbo.reserve(changes.len(), GFP_KERNEL)?;
        let outcome = match self.timeline.push(job)? {
            true => call.wait::<[u8; 0]>().map(|_| ()),
            false => {
                call.detach();
                Ok(())
            }
        };
        match outcome {
            Ok(()) => state.apply(changes),
            // It is under way: the host maps what it did, or what it shall.
            Err(error) if error == EINTR || error == ETIMEDOUT => state.doubt(changes),
            Err(error) => return Err(error),
        }
        drop(state);
        signals.publish(fence.as_fence());
        outcome?;
        if !is_async {
            wait(fence.as_fence())?;
        }
        Ok(())
    }

    /// Checks operations; returns them as the host takes them, and as changes of mappings.
    fn changes(&self, file: &File<NovaFile>, ops: &[u8]) -> Result<(KVec<u8>, KVec<Change>)> {
        let mut bytes = KVec::with_capacity(ops.len(), GFP_KERNEL)?;
        let mut changes = KVec::with_capacity(ops.len() / BindOp::LEN, GFP_KERNEL)?;
        let mut rest = ops;
        while !rest.is_empty() {
            // The program's structure has the layout of the host's.
            let (mut op, after) = BindOp::take(rest).ok_or(EINVAL)?;
            changes.push(self.change(file, &mut op)?, GFP_KERNEL)?;
            bytes.extend_from_slice(&op.to_bytes(), GFP_KERNEL)?;
            rest = after;
        }
        Ok((bytes, changes))
    }

    /// Checks an operation, and puts the host's handle in.
    fn change(&self, file: &File<NovaFile>, op: &mut BindOp) -> Result<Change> {
        let config = self.timeline.slots().config();
        let end = op.addr.checked_add(op.length).ok_or(EINVAL)?;
        let is_aligned = (op.addr | op.offset | op.length) % PAGE_SIZE == 0;
        let is_inside = op.addr >= config.va_start && end <= config.va_end;
        if op.padding != 0 || op.length == 0 || !is_aligned || !is_inside {
            return Err(EINVAL);
        }
        let range = op.addr..end;
        let has_object = op.handle != 0 || op.offset != 0;
        let map = match (op.op, op.flags) {
            (NOVA_VM_BIND_OP_UNMAP, 0) if !has_object => None,
            (NOVA_VM_BIND_OP_MAP, NOVA_VM_BIND_SPARSE) if !has_object => Some(None),
            (NOVA_VM_BIND_OP_MAP, 0 | NOVA_VM_BIND_READ_ONLY) => {
                let object = NovaObject::lookup(file, op.handle)?;
                let limit = op.offset.checked_add(op.length).ok_or(EINVAL)?;
                if limit > object.size() as u64 {
                    return Err(EINVAL);
                }
                let (handle, pages) = NovaObject::attach(&object, &self.context)?;
                op.handle = handle;
                Some(pages)
            }
            _ => return Err(EINVAL),
        };
        Ok(Change { range, map })
    }
}

/// Makes room for the changes; returns what a bind has to keep in place until it is complete: what it removes, and what it maps.
fn affected(state: &mut State, changes: &[Change]) -> Result<KVec<Held>> {
    state.mappings.reserve(changes.len())?;
    let mut held: KVec<Held> = KVec::new();
    for change in changes {
        let there = state.mappings.overlapping(change.range.clone());
        for pages in there.chain(&change.map).filter(|held| held.is_some()) {
            held.push(pages.clone(), GFP_KERNEL)?;
        }
    }
    Ok(held)
}

impl State {
    fn apply(&mut self, changes: KVec<Change>) {
        for change in changes {
            match change.map {
                Some(holds) => self.mappings.map(change.range, holds),
                None => self.mappings.unmap(change.range),
            }
        }
    }

    /// The host may or may not have made the changes: both stay in place.
    fn doubt(&mut self, changes: KVec<Change>) {
        for change in changes {
            if let Some(pages) = change.map {
                let _ = self.limbo.push_within_capacity(pages);
            }
        }
    }
}

/// The job that ends a queue or an address space: made with it, so that it can be sent without memory. Sleeps.
pub(super) fn end_job(
    timeline: &Arc<Timeline>,
    context: &Arc<Context>,
    command: u32,
    body: &[u8],
) -> Result<KBox<Job>> {
    let fence = Timeline::fence(timeline)?;
    // Its slot and what it keeps are to be free soon.
    fence
        .wanted
        .store(true, core::sync::atomic::Ordering::Release);
    let control = context.control();
    let (request, call) = control.job(command, context.id(), Body::new(body, 0)?, &fence)?;
    call.detach();
    let job = Job {
        seqno: 0,
        request: Some(request),
        fence,
        gate: None,
        watches: KVec::new(),
        kept: Kept {
            context: Some(context.clone()),
            ..Kept::default()
        },
        is_end: true,
        is_deferred: false,
    };
    Ok(KBox::new(job, GFP_KERNEL)?)
}

/// Waits for a fence, which is over within a bound. Sleeps; killable.
fn wait(fence: &Fence) -> Result {
    super::wait::killable(fence)?;
    fence.status().unwrap_or(Ok(()))
}

#[pinned_init::pinned_drop]
impl PinnedDrop for Vm {
    fn drop(self: core::pin::Pin<&mut Self>) {
        let mut state = self.state.lock();
        let state = &mut *state;
        if let Some(kept) = state.end.kept() {
            kept.mappings = Some(core::mem::replace(&mut state.mappings, Mappings::new()));
            kept.held = core::mem::take(&mut state.limbo);
        }
    }
}
