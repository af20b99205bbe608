// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What is to be done next. Everything that takes time is a [`Step`], carried out without the lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel_abi::virtio_nova::LOST_RESOURCES;

use super::line::{Bind, Line, Owner};
use super::share::{Loss, Queue, Space};
use super::table::Table;

/// How often a queue is looked at where nobody tells of its end.
pub const LOOK: Duration = Duration::from_millis(1);

/// Something that takes time.
pub enum Step {
    /// Carrying out a bind.
    Bind {
        /// The address space's slot.
        slot: u32,
        /// It.
        space: Arc<dyn Space>,
        /// What is to be done.
        bind: Bind,
    },
    /// Taking a queue off the GPU.
    Stop {
        /// Its slot.
        slot: u32,
        /// It.
        queue: Box<dyn Queue>,
    },
    /// Unmapping everything.
    Unmap {
        /// The address space's slot.
        slot: u32,
        /// It.
        space: Arc<dyn Space>,
    },
}

/// A step that is over.
pub enum Done {
    /// A bind, and whether all of it was carried out.
    Bind {
        /// The address space's slot.
        slot: u32,
        /// How it ended.
        is_bound: bool,
    },
    /// A queue that is off the GPU.
    Stop {
        /// Its slot.
        slot: u32,
    },
    /// An address space that is gone.
    Unmap {
        /// Its slot.
        slot: u32,
    },
}

impl Step {
    /// Carries it out.
    pub fn run(self) -> Done {
        match self {
            Self::Bind {
                slot,
                space,
                mut bind,
            } => {
                // What was set aside for the tables is for these.
                drop(bind.reservation.take());
                let mut ops = bind.ops.iter();
                let is_bound = ops.all(|op| op.run(&*space).is_ok());
                Done::Bind { slot, is_bound }
            }
            Self::Stop { slot, queue } => {
                drop(queue);
                Done::Stop { slot }
            }
            Self::Unmap { slot, space } => {
                drop(space);
                Done::Unmap { slot }
            }
        }
    }
}

impl Table {
    /// Looks at every queue, begins what can begin, and ends what takes too long. Takes no time.
    pub fn look(&mut self, now: Instant) {
        if self.is_paused {
            return;
        }
        for slot in 0..self.slots.len() as u32 {
            self.look_at(slot, now);
        }
        // What is complete may be what others wait for.
        while (0..self.slots.len() as u32).fold(false, |any, slot| self.begin(slot, now) | any) {}
        self.end_losses();
    }

    fn live_queue(&mut self, slot: u32) -> Option<&mut super::line::QueueLine> {
        let line = self.line_mut(slot)?;
        match line.loss.is_none() && line.end.is_none() {
            true => line.queue_mut(),
            false => None,
        }
    }

    fn look_at(&mut self, slot: u32, now: Instant) {
        let timeout = self.limits.work_timeout;
        let Some(queue) = self.live_queue(slot) else {
            return;
        };
        let (completed, loss) = queue.look(now);
        let late = timeout.and_then(|timeout| queue.late(now, timeout));
        if let Some(seqno) = completed {
            self.complete(slot, seqno);
        }
        if let Some(loss) = loss.or(late) {
            self.lose(slot, loss);
        }
    }

    /// Whether something is complete that was not.
    fn begin(&mut self, slot: u32, now: Instant) -> bool {
        // The queue is taken out while others are looked at.
        let Some(mut line) = self
            .slots
            .get_mut(slot as usize)
            .and_then(|it| it.line.take())
        else {
            return false;
        };
        let mut begun = Ok(None);
        if line.loss.is_none() && line.end.is_none() {
            if let Some(queue) = line.queue_mut() {
                begun = queue.begin(now, |slot, seqno| self.is_over(slot, seqno));
            }
        }
        self.slots[slot as usize].line = Some(line);
        match begun {
            Ok(Some(seqno)) => {
                self.complete(slot, seqno);
                true
            }
            Ok(None) => false,
            Err(loss) => {
                self.lose(slot, loss);
                false
            }
        }
    }

    /// The owner of a slot is lost; with an address space, its queues are.
    pub(super) fn lose(&mut self, slot: u32, loss: Loss) {
        let Some(line) = self.line_mut(slot) else {
            return;
        };
        if line.loss.is_some() {
            return;
        }
        line.loss = Some(loss);
        if line.queue().is_some() {
            return;
        }
        for other in self.slots.iter_mut().filter_map(|it| it.line.as_mut()) {
            if other.queue().is_some_and(|queue| queue.space == slot) {
                other.loss.get_or_insert(loss);
            }
        }
    }

    /// Whether an address space has queues that may run.
    fn has_running_queues(&self, slot: u32) -> bool {
        let mut lines = self.slots.iter().filter_map(|it| it.line.as_ref());
        lines.any(|line| {
            let queue = line.queue().filter(|queue| queue.space == slot);
            queue.is_some_and(|queue| queue.queue.is_some() || line.is_stopping)
        })
    }

    fn has_queues(&self, slot: u32) -> bool {
        let mut lines = self.slots.iter().filter_map(|it| it.line.as_ref());
        lines.any(|line| line.queue().is_some_and(|queue| queue.space == slot))
    }

    /// Says of what is lost, or ends, and does not run any more, that it has.
    fn end_losses(&mut self) {
        if self.is_paused {
            return;
        }
        for slot in 0..self.slots.len() as u32 {
            let Some(line) = self.line_mut(slot) else {
                continue;
            };
            let is_off = match &line.owner {
                Owner::Queue(queue) => queue.queue.is_none() && !line.is_stopping,
                Owner::Space(space) => {
                    let is_idle = space.running.is_none();
                    is_idle && !self.has_running_queues(slot)
                }
            };
            if !is_off {
                continue;
            }
            let Some(line) = self.line_mut(slot) else {
                continue;
            };
            match (line.end, line.loss) {
                (Some(_), _) if line.queue().is_some() => self.finish(slot),
                (None, Some(loss)) if !line.is_lost => self.write_loss(slot, loss),
                _ => {}
            }
        }
    }

    /// What takes time and is to be done now.
    pub fn next_step(&mut self) -> Option<Step> {
        if self.is_paused {
            return None;
        }
        let count = self.slots.len();
        for turn in 0..count {
            let at = (self.cursor + turn) % count;
            if let Some(step) = self.step_of(at as u32) {
                // The next one's turn comes first.
                self.cursor = (at + 1) % count;
                return Some(step);
            }
        }
        None
    }

    fn step_of(&mut self, slot: u32) -> Option<Step> {
        let has_queues = self.has_queues(slot);
        let line = self.line_mut(slot)?;
        let is_ending = line.end.is_some();
        let is_lost = line.loss.is_some();
        match &mut line.owner {
            Owner::Queue(queue) if is_ending || is_lost => {
                let queue = queue.queue.take()?;
                line.is_stopping = true;
                Some(Step::Stop { slot, queue })
            }
            Owner::Queue(_) => None,
            Owner::Space(space) if is_ending => {
                if space.running.is_some() || has_queues {
                    return None;
                }
                let space = space.space.take()?;
                Some(Step::Unmap { slot, space })
            }
            Owner::Space(_) if is_lost => None,
            Owner::Space(space) if space.running.is_some() => None,
            Owner::Space(space) => {
                let job = space.jobs.front()?;
                let waits = job.waits.clone();
                if !waits.iter().all(|&(slot, seqno)| self.is_over(slot, seqno)) {
                    return None;
                }
                let space = self.line_mut(slot)?.space_mut()?;
                let it = space.space.clone()?;
                let job = space.jobs.pop_front()?;
                space.running = Some(job.seqno);
                Some(Step::Bind {
                    slot,
                    space: it,
                    bind: job.work,
                })
            }
        }
    }

    /// A step is over.
    pub fn done(&mut self, done: Done) {
        match done {
            Done::Bind { slot, is_bound } => {
                if !is_bound {
                    // The sequence number stays open, so that it is the first that was lost.
                    self.lose(slot, Loss::of(LOST_RESOURCES));
                    self.keep_failed(slot);
                    return;
                }
                let space = self.line_mut(slot).and_then(Line::space_mut);
                if let Some(seqno) = space.and_then(|space| space.running.take()) {
                    self.complete(slot, seqno);
                }
            }
            Done::Stop { slot } => {
                if let Some(line) = self.line_mut(slot) {
                    line.is_stopping = false;
                }
            }
            Done::Unmap { slot } => self.finish(slot),
        }
        self.end_losses();
    }

    /// Puts a bind that failed back to the head of its line, without its operations.
    fn keep_failed(&mut self, slot: u32) {
        let Some(space) = self.line_mut(slot).and_then(Line::space_mut) else {
            return;
        };
        if let Some(seqno) = space.running.take() {
            let work = Bind {
                ops: Vec::new(),
                reservation: None,
            };
            space.jobs.push_front(super::line::Job {
                seqno,
                waits: Vec::new(),
                work,
            });
        }
        self.end_losses();
    }

    /// The time of what runs begins anew.
    pub fn restart_clocks(&mut self, now: Instant) {
        let lines = self.slots.iter_mut().filter_map(|it| it.line.as_mut());
        for queue in lines.filter_map(Line::queue_mut) {
            queue.restart_clock(now);
        }
    }

    /// When to look again, whatever happens.
    pub fn deadline(&self, now: Instant, is_told: bool) -> Option<Instant> {
        let queues = || {
            let lines = self.slots.iter().filter_map(|it| it.line.as_ref());
            lines.filter_map(Line::queue)
        };
        if self.is_paused {
            return None;
        }
        if !is_told && queues().any(|queue| queue.is_running()) {
            return Some(now + LOOK);
        }
        let timeout = self.limits.work_timeout?;
        queues().filter_map(|queue| queue.deadline(timeout)).min()
    }
}
