// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What happens in one fence slot, in order: the binds of an address space, or the submissions of a
//! queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel_abi::virtio_nova::{LOST_RESOURCES, LOST_TIMEOUT};

use super::share::{Loss, Memory, Queue, Reservation, Segment, ShareError, Space, SubmitError};

/// An operation of a bind, with what it needs.
pub enum Op {
    /// Maps memory.
    Map {
        /// GPU virtual address.
        addr: u64,
        /// The memory.
        memory: Memory,
        /// Bytes into it.
        offset: u64,
        /// Bytes.
        length: u64,
        /// Whether writes are faults.
        read_only: bool,
    },
    /// Makes a range sparse.
    Sparse {
        /// GPU virtual address.
        addr: u64,
        /// Bytes.
        length: u64,
    },
    /// Unmaps a range.
    Unmap {
        /// GPU virtual address.
        addr: u64,
        /// Bytes.
        length: u64,
    },
}

impl Op {
    /// Carries it out.
    pub fn run(&self, space: &dyn Space) -> Result<(), ShareError> {
        match *self {
            Self::Map {
                addr,
                ref memory,
                offset,
                length,
                read_only,
            } => space.map(addr, memory, offset, length, read_only),
            Self::Sparse { addr, length } => space.map_sparse(addr, length),
            Self::Unmap { addr, length } => space.unmap(addr, length),
        }
    }
}

/// A bind's operations.
pub struct Bind {
    /// In their order.
    pub ops: Vec<Op>,
    /// Room for their tables, until they are made.
    pub reservation: Option<Reservation>,
}

/// What was accepted and is not complete.
pub struct Job<T> {
    /// What completes with it.
    pub seqno: u64,
    /// Slots and sequence numbers in them that were not complete when it was accepted.
    pub waits: Vec<(u32, u64)>,
    /// What it does.
    pub work: T,
}

/// The binds of an address space.
pub struct SpaceLine {
    /// `None` once its destruction has begun.
    pub space: Option<Arc<dyn Space>>,
    /// What was not begun.
    pub jobs: VecDeque<Job<Bind>>,
    /// The sequence number of the bind that is being carried out.
    pub running: Option<u64>,
}

impl SpaceLine {
    /// The first sequence number that is not complete.
    pub fn first_open(&self) -> Option<u64> {
        self.running
            .or_else(|| self.jobs.front().map(|job| job.seqno))
    }
}

/// The submissions of a queue.
pub struct QueueLine {
    /// `None` once it is off the GPU, or on its way.
    pub queue: Option<Box<dyn Queue>>,
    /// The slot of its address space.
    pub space: u32,
    /// What was not begun.
    jobs: VecDeque<Job<Vec<Segment>>>,
    /// What was begun: sequence numbers, and the queue's submissions whose end is theirs.
    begun: VecDeque<(u64, u64)>,
    /// The queue's last submission.
    last: u64,
    /// The last that is done, as far as the queue is to be believed.
    done: u64,
    /// Since when what is at the head has been there.
    head_since: Option<Instant>,
}

impl QueueLine {
    /// A queue without work.
    pub fn new(queue: Box<dyn Queue>, space: u32) -> Self {
        Self {
            queue: Some(queue),
            space,
            jobs: VecDeque::new(),
            begun: VecDeque::new(),
            last: 0,
            done: 0,
            head_since: None,
        }
    }

    /// Submissions that are not complete.
    pub fn len(&self) -> usize {
        self.jobs.len() + self.begun.len()
    }

    /// The first sequence number that is not complete.
    pub fn first_open(&self) -> Option<u64> {
        let begun = self.begun.front().map(|(seqno, _)| *seqno);
        begun.or_else(|| self.jobs.front().map(|job| job.seqno))
    }

    /// Accepts a submission.
    pub fn push(&mut self, job: Job<Vec<Segment>>) {
        self.jobs.push_back(job);
    }

    /// Gives up what was not begun, and forgets what was.
    pub fn clear(&mut self) {
        self.jobs.clear();
        self.begun.clear();
        self.head_since = None;
    }

    /// Looks how far the queue is: the last sequence number that is complete now, if it is another
    /// than before, and why it has ended, if it has.
    pub fn look(&mut self, now: Instant) -> (Option<u64>, Option<Loss>) {
        let Some(queue) = &self.queue else {
            return (None, None);
        };
        // The end is looked at first: what was done before it counts.
        let loss = queue.loss();
        let said = queue.completed();
        if said > self.done && said <= self.last {
            self.done = said;
        }
        let mut completed = None;
        while let Some((seqno, number)) = self.begun.front().copied() {
            if number > self.done {
                break;
            }
            self.begun.pop_front();
            completed = Some(seqno);
        }
        if completed.is_some() || self.begun.is_empty() {
            self.head_since = (!self.begun.is_empty()).then_some(now);
        }
        (completed, loss)
    }

    /// Begins what can begin: the last sequence number that is complete at once, if any.
    ///
    /// # Errors
    /// When the queue has ended.
    pub fn begin(
        &mut self,
        now: Instant,
        is_over: impl Fn(u32, u64) -> bool,
    ) -> Result<Option<u64>, Loss> {
        let mut completed = None;
        let Some(queue) = &self.queue else {
            return Ok(None);
        };
        while let Some(job) = self.jobs.front_mut() {
            job.waits.retain(|&(slot, seqno)| !is_over(slot, seqno));
            if !job.waits.is_empty() {
                break;
            }
            let seqno = job.seqno;
            if !job.work.is_empty() {
                match queue.submit(&job.work) {
                    Ok(number) => self.last = number,
                    Err(SubmitError::Full) => break,
                    Err(SubmitError::Ended) => {
                        return Err(queue.loss().unwrap_or(Loss::of(LOST_RESOURCES)));
                    }
                }
                self.begun.push_back((seqno, self.last));
            } else if self.begun.is_empty() {
                completed = Some(seqno);
            } else {
                self.begun.push_back((seqno, self.last));
            }
            self.jobs.pop_front();
            if !self.begun.is_empty() {
                self.head_since.get_or_insert(now);
            }
        }
        Ok(completed)
    }

    /// When what is at the head has taken too long.
    pub fn deadline(&self, timeout: Duration) -> Option<Instant> {
        self.head_since.map(|since| since + timeout)
    }

    /// Whether what is at the head has taken too long.
    pub fn late(&self, now: Instant, timeout: Duration) -> Option<Loss> {
        let deadline = self.deadline(timeout)?;
        (deadline <= now).then_some(Loss::of(LOST_TIMEOUT))
    }

    /// Whether something runs.
    pub fn is_running(&self) -> bool {
        !self.begun.is_empty()
    }

    /// The head's time does not run while the queue is off the GPU.
    pub fn restart_clock(&mut self, now: Instant) {
        self.head_since = self.head_since.map(|_| now);
    }
}

/// Who has a slot.
pub enum Owner {
    /// An address space.
    Space(SpaceLine),
    /// A queue.
    Queue(QueueLine),
}

/// A slot's owner, and what is to become of it.
pub struct Line {
    /// Its context.
    pub ctx: u32,
    /// Its name there.
    pub id: u32,
    /// What it is.
    pub owner: Owner,
    /// It is lost: on its way, or already.
    pub loss: Option<Loss>,
    /// The loss was written to the fence memory.
    pub is_lost: bool,
    /// Its destruction was asked for, and completes this sequence number.
    pub end: Option<u64>,
    /// Somebody is taking it off the GPU.
    pub is_stopping: bool,
}

impl Line {
    /// A new one.
    pub fn new(ctx: u32, id: u32, owner: Owner) -> Self {
        Self {
            ctx,
            id,
            owner,
            loss: None,
            is_lost: false,
            end: None,
            is_stopping: false,
        }
    }

    /// The queue of a slot.
    pub fn queue(&self) -> Option<&QueueLine> {
        match &self.owner {
            Owner::Queue(queue) => Some(queue),
            Owner::Space(_) => None,
        }
    }

    /// The queue of a slot.
    pub fn queue_mut(&mut self) -> Option<&mut QueueLine> {
        match &mut self.owner {
            Owner::Queue(queue) => Some(queue),
            Owner::Space(_) => None,
        }
    }

    /// The address space of a slot.
    pub fn space_mut(&mut self) -> Option<&mut SpaceLine> {
        match &mut self.owner {
            Owner::Space(space) => Some(space),
            Owner::Queue(_) => None,
        }
    }

    /// The first sequence number that is not complete.
    pub fn first_open(&self) -> Option<u64> {
        match &self.owner {
            Owner::Space(space) => space.first_open(),
            Owner::Queue(queue) => queue.first_open(),
        }
    }

    /// Gives up what was not begun. A bind that is being carried out goes on.
    pub fn give_up(&mut self) {
        match &mut self.owner {
            Owner::Space(space) => space.jobs.clear(),
            Owner::Queue(queue) => queue.clear(),
        }
    }
}
