// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A queue of a file: a GPU channel.

use super::{
    job::{Job, Kept},
    lost::LostEvent,
    slots::Slots,
    sync::{copy, Signals, Waits},
    timeline::{End, Timeline},
    vm::{end_job, QueueOf, Vm},
};
use crate::{
    context::Context,
    control::{Answered, Body, Keep, Undo},
    file::NovaFile,
};
use drm_core::File;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::{
        code::{EINTR, EINVAL, ETIMEDOUT},
        Error, Result,
    },
    sync::Arc,
    uapi::{drm_nova_exec, drm_nova_queue_create, NOVA_EXEC_PUSH_NO_PREFETCH, NOVA_PRIORITY_HIGH},
    virtio_nova::{
        Exec, Push, QueueCreate, QueueDestroy, RespQueueCreate, Wire, CMD_EXEC, CMD_QUEUE_CREATE,
        CMD_QUEUE_DESTROY, MAX_PUSH_LENGTH,
    },
};

/// A queue. Dropping it ends it, and what it does, on the host.
pub(crate) struct Queue {
    context: Arc<Context>,
    /// The host's number.
    queue: u32,
    timeline: Arc<Timeline>,
    _end: End,
    // Last: it is ended after its queues.
    _vm: QueueOf,
}

impl Queue {
    /// Makes one for `file`, which knows it as `id`. Sleeps; killable.
    pub(crate) fn create(
        file: &File<NovaFile>,
        vm: Arc<Vm>,
        req: &drm_nova_queue_create,
        id: u32,
    ) -> Result<Arc<Self>> {
        if req.flags != 0 || req.pad != 0 || req.priority > NOVA_PRIORITY_HIGH {
            return Err(EINVAL);
        }
        vm.timeline().check()?;
        let slots = vm.timeline().slots();
        let context = file.inner().get_ref().context();
        let event = LostEvent::queue(file, id)?;
        let slot = Slots::reserve(slots)?;
        let queue_of = QueueOf::new(&vm)?;
        let most = slots.config().max_execs_in_flight;
        let timeline = Timeline::new(&slot, c"queue", most, event)?;
        let destroy = QueueDestroy::default().to_bytes();
        let job = end_job(&timeline, context, CMD_QUEUE_DESTROY, &destroy)?;
        let create = QueueCreate {
            vm: vm.number(),
            slot: slot.index(),
            engine: req.engine,
            priority: req.priority,
            flags: 0,
            padding: 0,
        };
        let keep = Keep {
            context: Some(context.clone()),
            slot: Some(slot),
            queue_of: Some(queue_of),
            ..Keep::default()
        };
        let call = context.control().start::<_, RespQueueCreate>(
            CMD_QUEUE_CREATE,
            context.id(),
            &create,
            Undo::DestroyQueue,
            keep,
        );
        let mut created: Answered<RespQueueCreate> = call.map_err(Error::from)?.wait()?;
        let queue = created.value.queue;
        let end = End::new(timeline.clone(), created.take_slot()?, job, queue)?;
        let vm = created.take_queue_of()?;
        let this = Self {
            context: context.clone(),
            queue,
            timeline,
            _end: end,
            _vm: vm,
        };
        Ok(Arc::new(this, GFP_KERNEL)?)
    }

    /// `DRM_IOCTL_NOVA_EXEC`. Sleeps; killable.
    pub(crate) fn exec(&self, file: &File<NovaFile>, req: &drm_nova_exec) -> Result {
        self.timeline.check()?;
        let config = self.timeline.slots().config();
        let pushes = copy(req.push_ptr, req.push_count, config.max_pushes, Push::LEN)?;
        self.check_pushes(&pushes)?;
        let waits = Waits::read(file, &self.timeline, req.wait_ptr, req.wait_count)?;
        let signals = Signals::read(file, req.sig_ptr, req.sig_count)?;
        let exec = Exec {
            queue: self.queue,
            nr_pushes: req.push_count,
            seqno: 0,
            nr_waits: u32::try_from(waits.host.len())?,
            padding: 0,
        };
        let mut body = Body::new(&exec.to_bytes(), pushes.len() + waits.host.len() * 16)?;
        // The program's structure has the layout of the host's.
        body.bytes(&pushes)?;
        for wait in waits.host.iter() {
            body.bytes(&wait.to_bytes())?;
        }
        let fence = Timeline::fence(&self.timeline)?;
        let control = self.context.control();
        let (request, call) = control.job(CMD_EXEC, self.context.id(), body, &fence)?;
        let job = Job {
            seqno: 0,
            request: Some(request),
            fence: fence.clone(),
            gate: waits.gate,
            watches: waits.watches,
            kept: Kept {
                context: Some(self.context.clone()),
                ..Kept::default()
            },
            is_end: false,
            is_deferred: false,
        };
        let outcome = match self.timeline.push(KBox::new(job, GFP_KERNEL)?)? {
            true => call.wait::<[u8; 0]>().map(|_| ()),
            false => {
                call.detach();
                Ok(())
            }
        };
        match outcome {
            Err(error) if error != EINTR && error != ETIMEDOUT => return Err(error),
            // It is under way, whatever became of the wait.
            _ => signals.publish(fence.as_fence()),
        }
        outcome
    }

    fn check_pushes(&self, pushes: &[u8]) -> Result {
        let config = self.timeline.slots().config();
        let mut rest = pushes;
        while !rest.is_empty() {
            let (push, after) = Push::take(rest).ok_or(EINVAL)?;
            let end = push.addr.checked_add(push.length.into()).ok_or(EINVAL)?;
            let is_aligned = push.addr % 4 == 0 && push.length % 4 == 0;
            let is_inside = push.addr >= config.va_start && end <= config.va_end;
            let has_length = push.length > 0 && push.length <= MAX_PUSH_LENGTH;
            if !is_aligned
                || !is_inside
                || !has_length
                || push.flags & !NOVA_EXEC_PUSH_NO_PREFETCH != 0
            {
                return Err(EINVAL);
            }
            rest = after;
        }
        Ok(())
    }
}
