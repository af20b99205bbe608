// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Jobs in order, in a slot of the fence memory.

use super::{
    job::{Answer, Job, JobFence, Kept},
    lost::{LostEvent, Reason},
    slots::{Slot, Slots},
};
use crate::control::limit;
use core::{ffi::CStr, sync::atomic::Ordering};
use drm_core::fence::{DriverFence, FenceContext, Signalling};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{
        code::{EINTR, ENODEV, ETIMEDOUT},
        Error, Result,
    },
    new_condvar, new_spinlock_irq,
    sync::{Arc, CondVar, CondVarTimeoutResult, SpinLockIrq},
    types::ARef,
};
use pinned_init::{pin_data, try_pin_init};

/// Jobs under way at once, when the device takes as many.
const MOST: usize = 256;

struct State {
    /// Sequence number that was sent last.
    last: u64,
    /// Not over, in order. Has room for all that there can be, as has `over`.
    jobs: KVec<KBox<Job>>,
    /// As many of them were sent, the first ones.
    sent: usize,
    /// Over, but the device may not be done with what they keep.
    over: KVec<KBox<Job>>,
    /// No job is taken any more, and why those under way ended.
    lost: Option<Error>,
    /// The device is gone.
    stopped: bool,
    /// Sent when it is lost.
    event: Option<LostEvent>,
    /// What the watchdog saw last.
    seen: u64,
}

/// Jobs of a queue or an address space.
#[pin_data]
pub(crate) struct Timeline {
    slots: Arc<Slots>,
    slot: u32,
    name: &'static CStr,
    /// Jobs under way at once.
    most: usize,
    context: FenceContext,
    #[pin]
    state: SpinLockIrq<State>,
    /// A job is over.
    #[pin]
    room: CondVar,
}

impl Timeline {
    /// Prepares the one of `slot`, for a queue or an address space that is being made. Sleeps.
    pub(super) fn new(
        slot: &Slot,
        name: &'static CStr,
        most: u32,
        event: LostEvent,
    ) -> Result<Arc<Self>> {
        let most = (most as usize).clamp(1, MOST);
        // One more for the job that ends it.
        let jobs = KVec::with_capacity(most + 1, GFP_KERNEL)?;
        let over = KVec::with_capacity(most + 1, GFP_KERNEL)?;
        let state = State {
            last: slot.last(),
            jobs,
            sent: 0,
            over,
            lost: None,
            stopped: false,
            event: Some(event),
            seen: 0,
        };
        Arc::pin_init(
            try_pin_init!(Self {
                slots: slot.slots().clone(),
                slot: slot.index(),
                name,
                most,
                context: FenceContext::new(),
                state <- new_spinlock_irq!(state, "Timeline::state"),
                room <- new_condvar!("Timeline::room"),
            }? Error),
            GFP_KERNEL,
        )
    }

    pub(super) fn slots(&self) -> &Arc<Slots> {
        &self.slots
    }

    pub(super) fn slot(&self) -> u32 {
        self.slot
    }

    pub(super) fn name(&self) -> &CStr {
        self.name
    }

    /// A fence for the next job. Sleeps for memory.
    pub(super) fn fence(this: &Arc<Self>) -> Result<ARef<DriverFence<JobFence>>> {
        DriverFence::new(&this.context, JobFence::new(this.clone()))
    }

    /// `ENODEV` once it is lost.
    pub(super) fn check(&self) -> Result {
        match self.state.lock().lost {
            Some(_) => Err(ENODEV),
            None => Ok(()),
        }
    }

    /// Appends a job, and sends it when it is its turn; whether it was sent. Waits, killable, while too many are under way. On an error
    /// the job was not taken.
    pub(super) fn push(&self, job: KBox<Job>) -> Result<bool> {
        let mut left = limit();
        let mut state = self.state.lock();
        loop {
            if state.lost.is_some() {
                drop(state);
                return Err(ENODEV);
            }
            if state.jobs.len() + state.over.len() < self.most {
                break;
            }
            match self.room.wait_killable_timeout(&mut state, left) {
                CondVarTimeoutResult::Woken { jiffies } => left = jiffies,
                CondVarTimeoutResult::Signal { .. } => {
                    drop(state);
                    return Err(EINTR);
                }
                CondVarTimeoutResult::Timeout => {
                    drop(state);
                    return Err(ETIMEDOUT);
                }
            }
        }
        let _ = state.jobs.push_within_capacity(job);
        self.send(&mut state);
        let sent = state.sent == state.jobs.len();
        if let Some(job) = state.jobs.last_mut() {
            job.is_deferred = !sent;
        }
        Ok(sent)
    }

    /// Ends the timeline by `job`: what was not sent is given up. Process context.
    fn end(&self, job: KBox<Job>) {
        loop {
            let mut state = self.state.lock();
            state.lost.get_or_insert(ENODEV);
            let unsent = state.sent;
            if let Ok(job) = state.jobs.remove(unsent) {
                let fence = job.fence.clone();
                let _ = state.over.push_within_capacity(job);
                drop(state);
                fence.fail(ENODEV);
                continue;
            }
            let event = state.event.take();
            let _ = state.jobs.push_within_capacity(job);
            self.send(&mut state);
            drop(state);
            drop(event);
            break;
        }
        self.advance();
        self.reap();
    }

    /// Sends what is ready, in order. Any context.
    fn send(&self, state: &mut State) {
        while let Some(job) = state.jobs.get_mut(state.sent) {
            let may_go = job.is_end || state.lost.is_none();
            if !may_go || !job.is_ready() {
                break;
            }
            let numbered = job.number(state.last + 1);
            let sent = match (numbered, job.request.take()) {
                (Ok(()), Some(request)) => self.slots.control().send(request).map_err(Some),
                (_, request) => Err(request),
            };
            if let Err(request) = sent {
                // Dropped with the job, in process context.
                job.request = request;
                job.fence.answered(Err(ENODEV));
            }
            state.last += 1;
            state.sent += 1;
        }
        self.want(state);
    }

    /// Sends what has become ready. Any context.
    pub(super) fn pump(&self) {
        self.send(&mut self.state.lock());
    }

    /// Asks for an event when the first job is complete for which somebody waits.
    fn want(&self, state: &State) {
        let sent = state.jobs.iter().take(state.sent);
        let mut wanted = sent.filter(|job| job.fence.wanted.load(Ordering::Acquire));
        if let Some(job) = wanted.next() {
            let is_complete = self.slots.want(self.slot, job.seqno);
            // Before its answer it cannot be over; that comes with an interrupt of its own.
            if is_complete && job.fence.answer() != Answer::None {
                self.slots.schedule();
            }
        }
    }

    /// Somebody waits. Any context, also with a fence's lock held.
    pub(super) fn arm(&self) {
        self.want(&self.state.lock());
    }

    /// Takes the first job out when it is over.
    fn take_over(&self, state: &mut State) -> Option<(ARef<DriverFence<JobFence>>, Result)> {
        let (completed, lost_from) = self.slots.state(self.slot);
        let job = state.jobs.first()?;
        let outcome = if state.sent == 0 {
            // What was not sent ends with the timeline.
            let error = state.lost.filter(|_| !job.is_end || state.stopped)?;
            Err(error)
        } else {
            match job.fence.answer() {
                Answer::Refused(error) => Err(error),
                _ if state.stopped => Err(ENODEV),
                Answer::Taken if completed >= job.seqno => {
                    if lost_from != 0 && job.seqno >= lost_from {
                        Err(ENODEV)
                    } else {
                        Ok(())
                    }
                }
                // The host is silent: it is not waited for any more.
                _ if state.lost == Some(ETIMEDOUT) => Err(ETIMEDOUT),
                _ => return None,
            }
        };
        let refused = matches!(job.fence.answer(), Answer::Refused(_));
        if lost_from != 0 || (refused && job.is_deferred) {
            state.lost.get_or_insert(ENODEV);
        }
        let job = state.jobs.remove(0).ok()?;
        state.sent = state.sent.saturating_sub(1);
        let fence = job.fence.clone();
        let _ = state.over.push_within_capacity(job);
        Some((fence, outcome))
    }

    /// Signals what is over. Any context, without the lock of any fence.
    pub(crate) fn advance(&self) {
        let _signalling = Signalling::begin();
        let mut moved = false;
        loop {
            let mut state = self.state.lock();
            let Some((fence, outcome)) = self.take_over(&mut state) else {
                if moved {
                    self.slots.schedule();
                }
                return self.want(&state);
            };
            drop(state);
            moved = true;
            match outcome {
                Ok(()) => fence.signal(),
                Err(error) => fence.fail(error),
            };
            self.room.notify_all();
        }
    }

    /// Takes a job that is over, and with which the device is done. True with it when it ended the timeline.
    fn take_done(&self) -> Option<(KBox<Job>, bool, u64)> {
        let (completed, _) = self.slots.state(self.slot);
        let mut state = self.state.lock();
        let stopped = state.stopped;
        let is_done = |job: &KBox<Job>| {
            let refused = matches!(job.fence.answer(), Answer::Refused(_));
            stopped || job.seqno == 0 || refused || completed >= job.seqno
        };
        let at = state.over.iter().position(is_done)?;
        let job = state.over.swap_remove(at)?;
        let ends = job.is_end;
        Some((job, ends, state.last))
    }

    /// Lets go of what jobs that are over have kept. Process context.
    pub(super) fn reap(&self) {
        while let Some((job, ends, last)) = self.take_done() {
            if ends {
                self.slots.release(self.slot, last);
            }
            drop(job);
            self.room.notify_all();
        }
    }

    /// It is lost; a program that reads events is told why. Any context.
    pub(crate) fn lose(&self, error: Error, reason: Reason) {
        let mut state = self.state.lock();
        state.lost.get_or_insert(error);
        let event = state.event.take();
        drop(state);
        if let Some(event) = event {
            event.send(reason);
        }
        self.advance();
    }

    /// The device is lost, and has let go of everything. Any context.
    pub(super) fn device_lost(&self) {
        let mut state = self.state.lock();
        state.lost.get_or_insert(ENODEV);
        state.stopped = true;
        let event = state.event.take();
        drop(state);
        if let Some(event) = event {
            event.send_device();
        }
        self.advance();
    }

    /// The device is gone: everything ends. Process context.
    pub(super) fn stop(&self) {
        let mut state = self.state.lock();
        state.lost.get_or_insert(ENODEV);
        state.stopped = true;
        drop(state);
        self.advance();
        self.reap();
    }

    /// Whether the job that heads it is the one of the last look. Process context.
    pub(super) fn stalls(&self) -> bool {
        let mut state = self.state.lock();
        let head = if state.sent > 0 {
            state.jobs.first()
        } else {
            None
        };
        let head = head.map_or(0, |job| job.seqno);
        let before = core::mem::replace(&mut state.seen, head);
        head != 0 && before == head
    }
}

/// The end of a queue or an address space that the host has made. Dropping it ends that. Process context.
pub(super) struct End {
    timeline: Arc<Timeline>,
    /// Taken when it is dropped.
    job: Option<KBox<Job>>,
}

impl End {
    /// What the host has made as `number` is on `timeline`, in `slot`; `job` ends it.
    pub(super) fn new(
        timeline: Arc<Timeline>,
        slot: Slot,
        mut job: KBox<Job>,
        number: u32,
    ) -> Result<Self> {
        job.name(number)?;
        slot.settle(timeline.clone());
        Ok(Self {
            timeline,
            job: Some(job),
        })
    }

    /// What is kept until the end is complete.
    pub(super) fn kept(&mut self) -> Option<&mut Kept> {
        self.job.as_mut().map(|job| &mut job.kept)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.timeline.end(job);
        }
    }
}
