// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A share of no GPU: it writes down what it is asked for, and work ends when a test says so.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::Mutex;
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

use super::share::*;

/// What a test sees and decides.
#[derive(Default)]
pub struct Fake {
    /// What was asked for, in order.
    pub log: Mutex<Vec<String>>,
    /// Submissions and completions, by queue.
    pub queues: Mutex<BTreeMap<u64, FakeQueueState>>,
    next: AtomicU64,
    /// The next mapping fails.
    pub fail_map: AtomicBool,
    /// Nothing is left.
    pub is_full: AtomicBool,
    /// The card is lost.
    pub is_lost: AtomicBool,
    /// Memory that goes away is in use.
    pub is_memory_in_use: AtomicBool,
}

#[derive(Default)]
pub struct FakeQueueState {
    pub submitted: u64,
    pub completed: u64,
    pub loss: Option<Loss>,
    pub is_full: bool,
}

/// The share that a device has of it.
pub struct FakeShare(pub Arc<Fake>);

impl Fake {
    pub fn say(&self, what: impl Into<String>) {
        self.log.lock().push(what.into());
    }

    /// What was asked for since this was last called.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock())
    }

    /// Everything of a queue is done.
    pub fn finish(&self, queue: u64) {
        let mut queues = self.queues.lock();
        let state = queues.get_mut(&queue).unwrap();
        state.completed = state.submitted;
    }

    /// A queue has ended.
    pub fn fault(&self, queue: u64, loss: Loss) {
        self.queues.lock().get_mut(&queue).unwrap().loss = Some(loss);
    }

    fn room(&self) -> Result<(), ShareError> {
        match self.is_full.load(Ordering::Relaxed) {
            true => Err(ShareError::Limit),
            false => Ok(()),
        }
    }
}

struct Reserved(Arc<Fake>);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.say("unreserve");
    }
}

impl Share for FakeShare {
    fn classes(&self) -> Classes {
        Classes {
            gpfifo: 0xc56f,
            copy: 0xc7b5,
            page_sizes: 1 << 12,
        }
    }

    fn vram(&self) -> VramFigures {
        VramFigures {
            quota: 1 << 30,
            used: 4096,
        }
    }

    fn alloc(&self, len: u64) -> Result<Memory, ShareError> {
        self.0.room()?;
        Ok(Arc::new(format!("vram {len:#x}")))
    }

    fn pages(&self, runs: &[(u64, u64)]) -> Result<Memory, ShareError> {
        Ok(Arc::new(format!("pages {runs:x?}")))
    }

    fn set_memory(&self, _: &GuestMemoryMmap) -> anyhow::Result<bool> {
        Ok(!self.0.is_memory_in_use.load(Ordering::Relaxed))
    }

    fn reserve(&self, _: u64, _: u64) -> Result<Reservation, ShareError> {
        self.0.room()?;
        Ok(Box::new(Reserved(self.0.clone())))
    }

    fn space(&self) -> Result<Arc<dyn Space>, ShareError> {
        self.0.room()?;
        Ok(Arc::new(FakeSpace(self.0.clone())))
    }

    fn queue(&self, _: &Arc<dyn Space>, _: u32, _: &EventFd) -> Result<Box<dyn Queue>, ShareError> {
        self.0.room()?;
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.queues.lock().insert(id, FakeQueueState::default());
        let fake = self.0.clone();
        Ok(Box::new(FakeQueue { id, fake }))
    }

    fn pause(&self) {
        self.0.say("pause");
    }

    fn resume(&self) {
        self.0.say("resume");
    }

    fn stop(&self) {
        self.0.say("stop");
    }

    fn scrub(&self) {}

    fn is_lost(&self) -> bool {
        self.0.is_lost.load(Ordering::Relaxed)
    }

    fn has_interrupts(&self) -> bool {
        true
    }
}

struct FakeSpace(Arc<Fake>);

impl FakeSpace {
    fn act(&self, what: String) -> Result<(), ShareError> {
        self.0.say(what);
        match self.0.fail_map.swap(false, Ordering::Relaxed) {
            true => Err(ShareError::Failed),
            false => Ok(()),
        }
    }
}

impl Space for FakeSpace {
    fn map(
        &self,
        addr: u64,
        memory: &Memory,
        offset: u64,
        length: u64,
        read_only: bool,
    ) -> Result<(), ShareError> {
        let memory: &dyn Any = &**memory;
        let memory = memory.downcast_ref::<String>().unwrap();
        self.act(format!(
            "map {addr:#x} {memory} {offset:#x} {length:#x} {read_only}"
        ))
    }

    fn map_sparse(&self, addr: u64, length: u64) -> Result<(), ShareError> {
        self.act(format!("sparse {addr:#x} {length:#x}"))
    }

    fn unmap(&self, addr: u64, length: u64) -> Result<(), ShareError> {
        self.act(format!("unmap {addr:#x} {length:#x}"))
    }
}

impl Drop for FakeSpace {
    fn drop(&mut self) {
        self.0.say("space gone");
    }
}

struct FakeQueue {
    id: u64,
    fake: Arc<Fake>,
}

impl Queue for FakeQueue {
    fn submit(&self, segments: &[Segment]) -> Result<u64, SubmitError> {
        let mut queues = self.fake.queues.lock();
        let state = queues.get_mut(&self.id).unwrap();
        if state.is_full {
            return Err(SubmitError::Full);
        }
        if state.loss.is_some() {
            return Err(SubmitError::Ended);
        }
        state.submitted += 1;
        let addrs: Vec<_> = segments.iter().map(|it| it.addr).collect();
        self.fake.say(format!("submit {} {addrs:x?}", self.id));
        Ok(state.submitted)
    }

    fn completed(&self) -> u64 {
        self.fake.queues.lock()[&self.id].completed
    }

    fn loss(&self) -> Option<Loss> {
        self.fake.queues.lock()[&self.id].loss
    }
}

impl Drop for FakeQueue {
    fn drop(&mut self) {
        self.fake.say(format!("queue {} gone", self.id));
    }
}
