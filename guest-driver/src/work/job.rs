// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A bind or a submission, and its fence.

use super::{slots::Slots, timeline::Timeline, vm::Held};
use crate::{context::Context, control::Token};
use core::{
    ffi::CStr,
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering},
};
use drm_core::fence::{Callback, DriverFence, Fence, FenceCallback, FenceOps};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{code::EIO, Error, Result},
    sync::Arc,
    types::ARef,
    virtio::Request,
};

/// What a fence of this driver stands for: a job on a timeline.
pub(crate) struct JobFence {
    pub(super) timeline: Arc<Timeline>,
    /// 0 until it was sent.
    pub(super) seqno: AtomicU64,
    /// 0 until the host has answered, 1 when it took it, an error otherwise.
    answer: AtomicI32,
    /// Somebody waits.
    pub(super) wanted: AtomicBool,
}

/// What the host said to a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    None,
    Taken,
    Refused(Error),
}

impl JobFence {
    pub(super) fn new(timeline: Arc<Timeline>) -> Self {
        Self {
            timeline,
            seqno: AtomicU64::new(0),
            answer: AtomicI32::new(0),
            wanted: AtomicBool::new(false),
        }
    }

    /// The host has answered. Any context.
    pub(crate) fn answered(&self, answer: Result) {
        let number = match answer {
            Ok(()) => 1,
            Err(error) => error.to_errno(),
        };
        self.answer.store(number, Ordering::Release);
    }

    pub(super) fn answer(&self) -> Answer {
        match self.answer.load(Ordering::Acquire) {
            0 => Answer::None,
            1.. => Answer::Taken,
            errno => Answer::Refused(Error::from_errno(errno)),
        }
    }

    /// Where the host can wait for it, when it can.
    pub(super) fn on_host(&self, slots: &Arc<Slots>) -> Option<(u32, u64)> {
        let is_ours = Arc::ptr_eq(self.timeline.slots(), slots);
        let is_there = is_ours && self.answer() == Answer::Taken;
        is_there.then(|| (self.timeline.slot(), self.seqno.load(Ordering::Acquire)))
    }
}

impl FenceOps for JobFence {
    const DRIVER_NAME: &'static CStr = c"virtio_nova";

    fn timeline_name(&self) -> &CStr {
        self.timeline.name()
    }

    fn enable_signaling(fence: &DriverFence<Self>) -> bool {
        fence.wanted.store(true, Ordering::Release);
        fence.timeline.arm();
        // What is over already is signalled by the worker, which knows whether it ended well.
        true
    }

    fn signaled(fence: &DriverFence<Self>) -> bool {
        let (completed, lost_from) = fence.timeline.slots().state(fence.timeline.slot());
        let seqno = fence.seqno.load(Ordering::Acquire);
        let is_well = lost_from == 0 || seqno < lost_from;
        is_well && seqno != 0 && completed >= seqno && fence.answer() == Answer::Taken
    }
}

/// Fences that a job waits for here, because the host does not know them.
pub(super) struct Gate {
    left: AtomicUsize,
    slots: Arc<Slots>,
}

impl Gate {
    pub(super) fn new(slots: Arc<Slots>) -> Result<Arc<Self>> {
        // One more, until all are watched.
        let left = AtomicUsize::new(1);
        Ok(Arc::new(Self { left, slots }, GFP_KERNEL)?)
    }

    pub(super) fn is_open(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    /// Watches `fence`; what is over already needs no watching. Sleeps for memory.
    pub(super) fn watch(
        this: &Arc<Self>,
        fence: &Fence,
    ) -> Result<Option<Pin<KBox<FenceCallback<Watch>>>>> {
        this.left.fetch_add(1, Ordering::AcqRel);
        let watch = FenceCallback::add(ARef::from(fence), Watch(this.clone()));
        if !matches!(watch, Ok(Some(_))) {
            this.left.fetch_sub(1, Ordering::AcqRel);
        }
        watch
    }

    /// All are watched.
    pub(super) fn close_list(&self) {
        self.left.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Tells a gate that one fence less is missing.
pub(super) struct Watch(Arc<Gate>);

impl Callback for Watch {
    fn signaled(&self) {
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.slots.schedule();
        }
    }
}

/// What must stay until the device is done with a job. Only held.
#[derive(Default)]
#[allow(dead_code)]
pub(super) struct Kept {
    pub(super) context: Option<Arc<Context>>,
    pub(super) held: KVec<Held>,
    pub(super) mappings: Option<super::mappings::Mappings<Held>>,
}

/// A bind or a submission.
pub(super) struct Job {
    /// 0 until it was sent.
    pub(super) seqno: u64,
    /// Taken when it is sent.
    pub(super) request: Option<KBox<Request<Token>>>,
    pub(super) fence: ARef<DriverFence<JobFence>>,
    pub(super) gate: Option<Arc<Gate>>,
    /// Taken back when the job goes, so in process context. Only held.
    #[allow(dead_code)]
    pub(super) watches: KVec<Pin<KBox<FenceCallback<Watch>>>>,
    pub(super) kept: Kept,
    /// It ends the timeline: sent also when that is lost, and before what was not sent.
    pub(super) is_end: bool,
    /// Nobody waits for the answer: a refusal loses the timeline.
    pub(super) is_deferred: bool,
}

impl Job {
    pub(super) fn is_ready(&self) -> bool {
        self.gate.as_ref().is_none_or(|gate| gate.is_open())
    }

    /// Writes the host's number of what is ended into the request.
    pub(super) fn name(&mut self, number: u32) -> Result {
        self.write(24, &number.to_le_bytes())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result {
        let request = self.request.as_mut().ok_or(EIO)?;
        let place = request
            .readable_mut()
            .get_mut(at..at + bytes.len())
            .ok_or(EIO)?;
        place.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes the sequence number into the request, where every request of a job has it.
    pub(super) fn number(&mut self, seqno: u64) -> Result {
        self.seqno = seqno;
        self.fence.seqno.store(seqno, Ordering::Release);
        self.write(32, &seqno.to_le_bytes())
    }
}
