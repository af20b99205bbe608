// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A table of handles: dense, O(1), lowest-cost reuse.

use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KVec},
    error::{
        code::{ENOENT, ENOSPC},
        Result,
    },
};

enum Slot<T> {
    Used(T),
    /// Index of the next free slot, or the table's length.
    Free(usize),
}

/// Values by handle; handles count from 1 as DRM core's do.
pub(super) struct Handles<T> {
    slots: KVec<Slot<T>>,
    /// Index of the first free slot, or the table's length.
    free: usize,
    used: usize,
}

impl<T> Handles<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: KVec::new(),
            free: 0,
            used: 0,
        }
    }

    /// Handles in use.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Gives `value` a handle.
    pub(super) fn insert(&mut self, value: T) -> Result<u32> {
        let index = self.free;
        let handle = u32::try_from(index + 1).map_err(|_| ENOSPC)?;
        match self.slots.get_mut(index) {
            Some(slot) => {
                if let Slot::Free(next) = *slot {
                    self.free = next;
                }
                *slot = Slot::Used(value);
            }
            None => {
                self.slots.push(Slot::Used(value), GFP_KERNEL)?;
                self.free = self.slots.len();
            }
        }
        self.used += 1;
        Ok(handle)
    }

    /// The value of a handle.
    pub(super) fn get(&self, handle: u32) -> Result<&T> {
        let index = (handle as usize).checked_sub(1).ok_or(ENOENT)?;
        match self.slots.get(index) {
            Some(Slot::Used(value)) => Ok(value),
            _ => Err(ENOENT),
        }
    }

    /// Takes the value of a handle, which becomes free.
    pub(super) fn remove(&mut self, handle: u32) -> Result<T> {
        self.get(handle)?;
        let index = handle as usize - 1;
        let free = core::mem::replace(&mut self.free, index);
        let slot = self.slots.get_mut(index).ok_or(ENOENT)?;
        match core::mem::replace(slot, Slot::Free(free)) {
            Slot::Used(value) => {
                self.used -= 1;
                Ok(value)
            }
            // `get` has shown that it is used.
            Slot::Free(_) => Err(ENOENT),
        }
    }

    /// Takes any value that is left.
    pub(super) fn pop(&mut self) -> Option<T> {
        while let Some(slot) = self.slots.pop() {
            if let Slot::Used(value) = slot {
                self.used -= 1;
                return Some(value);
            }
        }
        self.free = 0;
        None
    }
}
