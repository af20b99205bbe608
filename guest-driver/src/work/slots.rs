// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The fence memory: which sequence numbers are complete, and who has which slot.

use super::{timeline::Timeline, worker::Workers};
use crate::control::Control;
use core::sync::atomic::Ordering;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KVec},
    error::{
        code::{ENOSPC, EPROTO},
        Error, Result,
    },
    new_spinlock_irq,
    page::{SharedPage, PAGE_SIZE},
    sync::{
        barrier::{smp_mb, Full},
        Arc, SpinLockIrq,
    },
    virtio_nova::{Config, FenceSlot, Wire},
};
use pinned_init::{pin_data, try_pin_init, PinInit};

/// 64-bit words of a slot.
const WORDS: usize = FenceSlot::LEN / 8;

/// Who has a slot.
enum Owner {
    Nobody,
    /// Asked for, or taken back: free once this sequence number is complete.
    Ending(u64),
    /// A queue or an address space that is being made.
    Maker,
    Timeline(Arc<Timeline>),
}

struct Entry {
    owner: Owner,
    /// Last sequence number that was used.
    last: u64,
}

/// All slots of a device.
#[pin_data]
pub(crate) struct Slots {
    control: Arc<Control>,
    config: Config,
    memory: SharedPage,
    count: usize,
    #[pin]
    table: SpinLockIrq<KVec<Entry>>,
    /// There from the device's start to its end.
    #[pin]
    workers: SpinLockIrq<Option<Arc<Workers>>>,
}

impl Slots {
    /// Allocates the memory. Sleeps.
    pub(crate) fn new(control: Arc<Control>, config: Config) -> Result<impl PinInit<Self, Error>> {
        let count = (PAGE_SIZE / FenceSlot::LEN).min(config.fence_slots as usize);
        if count == 0 || config.va_start >= config.va_end {
            return Err(EPROTO);
        }
        let memory = SharedPage::new()?;
        let mut table = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            let entry = Entry {
                owner: Owner::Nobody,
                last: 0,
            };
            table.push(entry, GFP_KERNEL)?;
        }
        Ok(try_pin_init!(Self {
            control,
            config,
            memory,
            count,
            table <- new_spinlock_irq!(table, "Slots::table"),
            workers <- new_spinlock_irq!(None, "Slots::workers"),
        }? Error))
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// What the device has and takes.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The memory's physical address and bytes.
    pub(crate) fn memory(&self) -> (u64, u32) {
        (self.memory.phys(), PAGE_SIZE as u32)
    }

    fn load(&self, slot: u32, word: usize) -> u64 {
        let word = self.memory.word(slot as usize * WORDS + word);
        word.map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// The last sequence number that is complete, and the first that is lost, or 0. Any context.
    pub(super) fn state(&self, slot: u32) -> (u64, u64) {
        // In this order: the device writes them the other way round.
        (self.load(slot, 0), self.load(slot, 2))
    }

    /// Asks for an event when `seqno` is complete. True when it is already: then there may be none. Any context.
    pub(super) fn want(&self, slot: u32, seqno: u64) -> bool {
        if let Some(wanted) = self.memory.word(slot as usize * WORDS + 1) {
            wanted.store(seqno, Ordering::Relaxed);
        }
        smp_mb(Full);
        self.load(slot, 0) >= seqno
    }

    /// Finds a slot without an owner; `ENOSPC` when there is none. Process context.
    pub(crate) fn reserve(this: &Arc<Self>) -> Result<Slot> {
        Self::find(this).or_else(|_| {
            // What has ended may not have been let go yet.
            this.each(|timeline| {
                timeline.advance();
                timeline.reap();
            });
            Self::find(this)
        })
    }

    fn find(this: &Arc<Self>) -> Result<Slot> {
        let mut table = this.table.lock();
        for (index, entry) in table.iter_mut().enumerate() {
            if let Owner::Ending(seqno) = entry.owner {
                if this.load(index as u32, 0) >= seqno {
                    entry.owner = Owner::Nobody;
                }
            }
            if let Owner::Nobody = entry.owner {
                entry.owner = Owner::Maker;
                return Ok(Slot {
                    slots: this.clone(),
                    index: index as u32,
                    last: entry.last,
                    ending: false,
                    settled: false,
                });
            }
        }
        Err(ENOSPC)
    }

    /// The timeline in a slot. Any context.
    pub(super) fn timeline(&self, slot: u32) -> Option<Arc<Timeline>> {
        match self.table.lock().get(slot as usize)?.owner {
            Owner::Timeline(ref timeline) => Some(timeline.clone()),
            _ => None,
        }
    }

    /// Slots that there are.
    pub(super) fn count(&self) -> u32 {
        self.count as u32
    }

    /// The timeline in a slot has ended; `last` was its last sequence number. Process context.
    pub(super) fn release(&self, slot: u32, last: u64) {
        let mut table = self.table.lock();
        let ended = table.get_mut(slot as usize).map(|entry| {
            entry.last = last;
            core::mem::replace(&mut entry.owner, Owner::Nobody)
        });
        drop(table);
        drop(ended);
    }

    /// From now on there is somebody to schedule, or nobody any more. Process context.
    pub(crate) fn set_workers(&self, workers: Option<Arc<Workers>>) {
        let before = core::mem::replace(&mut *self.workers.lock(), workers);
        // Waits for what runs.
        drop(before);
    }

    /// Has the watchdog look again in a while.
    pub(super) fn watch_again(&self) {
        if let Some(workers) = &*self.workers.lock() {
            workers.watch_again();
        }
    }

    /// Has the worker look at all timelines. Any context.
    pub(super) fn schedule(&self) {
        if let Some(workers) = &*self.workers.lock() {
            workers.schedule();
        }
    }
}

/// A slot without an owner, reserved for one that is being made. Dropped in process context.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    index: u32,
    last: u64,
    /// What was made is being taken back.
    ending: bool,
    settled: bool,
}

impl Slot {
    pub(crate) fn slots(&self) -> &Arc<Slots> {
        &self.slots
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The last sequence number that was used in it.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// What the host has made with it is taken back; returns the sequence number for that.
    pub(crate) fn end(&mut self) -> u64 {
        self.ending = true;
        self.last + 1
    }

    /// It is the timeline's from now on.
    pub(super) fn settle(mut self, timeline: Arc<Timeline>) {
        self.settled = true;
        if let Some(entry) = self.slots.table.lock().get_mut(self.index as usize) {
            entry.owner = Owner::Timeline(timeline);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if let Some(entry) = self.slots.table.lock().get_mut(self.index as usize) {
            entry.owner = Owner::Nobody;
            if self.ending {
                entry.last = self.last + 1;
                entry.owner = Owner::Ending(entry.last);
            }
        }
    }
}
