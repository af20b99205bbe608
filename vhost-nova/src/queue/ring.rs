// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One ring while its worker has it: heads out, used elements in.

use std::fmt;
use std::sync::atomic::Ordering;

use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::chain::Head;

/// The ring's own structure makes no sense or is not in guest memory. The ring is left alone
/// until the driver sets it up anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// `avail.idx` is further ahead than the ring has entries.
    AvailIndex,
    /// A part of the ring is not inside guest memory.
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

/// A view on a ring: the queue's state and the memory that it lies in.
pub struct Ring<'a> {
    queue: &'a mut Queue,
    mem: &'a GuestMemoryMmap,
    indirect: bool,
}

impl<'a> Ring<'a> {
    /// `indirect`: whether indirect tables were negotiated.
    pub fn new(queue: &'a mut Queue, mem: &'a GuestMemoryMmap, indirect: bool) -> Self {
        Self {
            queue,
            mem,
            indirect,
        }
    }

    /// Takes the next chain that the driver made available.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn pop(&mut self) -> Result<Option<Head>, Broken> {
        let next = self.queue.next_avail();
        let avail = self.queue.avail_idx(self.mem, Ordering::Acquire);
        let ahead = avail.map_err(outside)?.0.wrapping_sub(next);
        if ahead == 0 {
            return Ok(None);
        }
        if ahead > self.queue.size() {
            return Err(Broken::AvailIndex);
        }
        // flags and idx come first, two bytes each.
        let slot = 4 + 2 * u64::from(next % self.queue.size());
        let addr = self.queue.avail_ring().checked_add(slot);
        let addr = GuestAddress(addr.ok_or(Broken::OutsideMemory)?);
        let index = self.mem.load(addr, Ordering::Relaxed).map_err(outside)?;
        self.queue.set_next_avail(next.wrapping_add(1));
        Ok(Some(Head {
            table: GuestAddress(self.queue.desc_table()),
            entries: self.queue.size(),
            index: u16::from_le(index),
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
        let added = self.queue.add_used(self.mem, head.index, len);
        added.map_err(outside)
    }

    /// Whether the driver wants a notification for what was pushed since the last call.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn needs_notification(&mut self) -> Result<bool, Broken> {
        self.queue.needs_notification(self.mem).map_err(outside)
    }

    /// Asks the driver for no kicks while the ring is worked on.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn disable_kicks(&mut self) -> Result<(), Broken> {
        self.queue.disable_notification(self.mem).map_err(outside)
    }

    /// Asks for kicks again; true when chains came in meanwhile, which must be taken now.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn enable_kicks(&mut self) -> Result<bool, Broken> {
        self.queue.enable_notification(self.mem).map_err(outside)
    }
}

fn outside<E>(_: E) -> Broken {
    Broken::OutsideMemory
}
