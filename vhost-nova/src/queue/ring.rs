// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One split ring while its worker has it: heads out, used elements in (VIRTIO 1.3, section 2.7).
//!
//! `virtio_queue::Queue` keeps the ring's configuration and its two positions. Its methods look
//! each address up in the memory table at each access, a dozen times a request; here the three
//! parts of the ring are looked up once for all requests that are waiting.

use std::fmt;
use std::sync::atomic::{fence, Ordering};

use virtio_bindings::bindings::virtio_ring::{VRING_AVAIL_F_NO_INTERRUPT, VRING_USED_F_NO_NOTIFY};
use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, VolatileSlice};

use super::chain::Head;

const DESCRIPTOR_SIZE: usize = 16;
/// `flags` of the available and the used ring; `idx` follows, then the entries.
const FLAGS: usize = 0;
const IDX: usize = 2;
const ENTRIES: usize = 4;
const AVAIL_ENTRY_SIZE: usize = 2;
const USED_ENTRY_SIZE: usize = 8;

/// The ring's own structure makes no sense or is not in guest memory. The ring is left alone
/// until the driver sets it up anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// `avail.idx` is further ahead than the ring has entries.
    AvailIndex,
    /// A part of the ring is not inside one region of guest memory.
    OutsideMemory,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AvailIndex => "its available index is further ahead than it has entries",
            Self::OutsideMemory => "it is not inside guest memory",
        })
    }
}

impl std::error::Error for Broken {}

/// A ring in its memory.
pub struct Ring<'a> {
    queue: &'a mut Queue,
    table: VolatileSlice<'a>,
    avail: VolatileSlice<'a>,
    used: VolatileSlice<'a>,
    indirect: bool,
    /// Elements put into the used ring by this view.
    added: u16,
}

impl<'a> Ring<'a> {
    /// Finds the ring in memory. `indirect`: whether indirect tables were negotiated.
    ///
    /// # Errors
    /// When a part of it is not inside one region: a monitor names each part by one address of
    /// its own, so it is.
    pub fn new(
        queue: &'a mut Queue,
        mem: &'a GuestMemoryMmap,
        indirect: bool,
    ) -> Result<Self, Broken> {
        let size = usize::from(queue.size());
        let part = |addr, len| mem.get_slice(GuestAddress(addr), len).map_err(outside);
        Ok(Self {
            table: part(queue.desc_table(), DESCRIPTOR_SIZE * size)?,
            // Two bytes more at the end of each for `used_event` and `avail_event`.
            avail: part(queue.avail_ring(), ENTRIES + AVAIL_ENTRY_SIZE * size + 2)?,
            used: part(queue.used_ring(), ENTRIES + USED_ENTRY_SIZE * size + 2)?,
            queue,
            indirect,
            added: 0,
        })
    }

    /// The ring's descriptor table.
    pub fn table(&self) -> VolatileSlice<'a> {
        self.table
    }

    /// Takes the next chain that the driver made available.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn pop(&mut self) -> Result<Option<Head>, Broken> {
        let next = self.queue.next_avail();
        let ahead = self.avail_idx(Ordering::Acquire)?.wrapping_sub(next);
        if ahead == 0 {
            return Ok(None);
        }
        let size = self.queue.size();
        if ahead > size {
            return Err(Broken::AvailIndex);
        }
        let entry = ENTRIES + AVAIL_ENTRY_SIZE * usize::from(next % size);
        let index = load(&self.avail, entry, Ordering::Relaxed)?;
        self.queue.set_next_avail(next.wrapping_add(1));
        Ok(Some(Head {
            index,
            entries: size,
            indirect: self.indirect,
        }))
    }

    /// Returns a chain to the driver. A head that is out of range names no chain, so there is
    /// nothing to return then.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn push_used(&mut self, head: Head, len: u32) -> Result<(), Broken> {
        if head.index >= head.entries {
            return Ok(());
        }
        let next = self.queue.next_used();
        let entry = ENTRIES + USED_ENTRY_SIZE * usize::from(next % self.queue.size());
        let id = u32::from(head.index);
        let element = u64::from(id) | u64::from(len) << 32;
        let put = self.used.write_obj(element.to_le(), entry);
        put.map_err(outside)?;
        let next = next.wrapping_add(1);
        self.queue.set_next_used(next);
        self.added = self.added.wrapping_add(1);
        store(&self.used, IDX, next, Ordering::Release)
    }

    /// Whether the driver wants a notification for what this view has put into the used ring.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn needs_notification(&self) -> Result<bool, Broken> {
        if self.added == 0 {
            return Ok(false);
        }
        // The used index is there before the driver's wish is read; the driver does it the other
        // way round.
        fence(Ordering::SeqCst);
        if !self.queue.event_idx_enabled() {
            let flags = load(&self.avail, FLAGS, Ordering::Relaxed)?;
            return Ok(flags & VRING_AVAIL_F_NO_INTERRUPT as u16 == 0);
        }
        let used_event = ENTRIES + AVAIL_ENTRY_SIZE * usize::from(self.queue.size());
        let used_event = load(&self.avail, used_event, Ordering::Relaxed)?;
        // Whether the index passed the one that the driver waits for.
        let passed = self.queue.next_used().wrapping_sub(used_event);
        Ok(passed.wrapping_sub(1) < self.added)
    }

    /// Asks the driver for no kicks while the ring is worked on.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn disable_kicks(&self) -> Result<(), Broken> {
        if self.queue.event_idx_enabled() {
            // The index that the driver was told lies behind: it kicks once at most.
            return Ok(());
        }
        let flags = VRING_USED_F_NO_NOTIFY as u16;
        store(&self.used, FLAGS, flags, Ordering::Relaxed)
    }

    /// Asks for kicks again; true when chains came in meanwhile, which must be taken now.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn enable_kicks(&self) -> Result<bool, Broken> {
        let next = self.queue.next_avail();
        if self.queue.event_idx_enabled() {
            let avail_event = ENTRIES + USED_ENTRY_SIZE * usize::from(self.queue.size());
            store(&self.used, avail_event, next, Ordering::Relaxed)?;
        } else {
            store(&self.used, FLAGS, 0, Ordering::Relaxed)?;
        }
        // The driver knows before the index is read; it writes the index before it looks.
        fence(Ordering::SeqCst);
        Ok(self.avail_idx(Ordering::Relaxed)? != next)
    }

    fn avail_idx(&self, order: Ordering) -> Result<u16, Broken> {
        load(&self.avail, IDX, order)
    }
}

fn load(part: &VolatileSlice<'_>, at: usize, order: Ordering) -> Result<u16, Broken> {
    part.load(at, order).map(u16::from_le).map_err(outside)
}

fn store(part: &VolatileSlice<'_>, at: usize, value: u16, order: Ordering) -> Result<(), Broken> {
    part.store(value.to_le(), at, order).map_err(outside)
}

fn outside<E>(_: E) -> Broken {
    Broken::OutsideMemory
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
