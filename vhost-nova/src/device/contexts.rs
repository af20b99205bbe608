// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Context ids: a slot and a generation, so that an id is not given out again soon.

use super::driver::TenantFile;
use drm_core::File;
use kernel_abi::{alloc::KBox, virtio_nova::Status};
use std::pin::Pin;

/// Bits of an id that name the slot; the rest is the slot's generation.
const SLOT_BITS: u32 = 12;

type OpenFile = Pin<KBox<File<TenantFile>>>;

#[derive(Default)]
struct Slot {
    generation: u32,
    file: Option<OpenFile>,
}

/// The open files of a tenant by context id.
pub(super) struct Contexts {
    slots: Vec<Slot>,
    /// Slots without a file; the oldest is reused first.
    free: std::collections::VecDeque<u32>,
    used: u32,
}

impl Contexts {
    /// How many can exist at once, whatever a tenant's limit.
    pub(super) const CAPACITY: u32 = 1 << SLOT_BITS;

    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: std::collections::VecDeque::new(),
            used: 0,
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.used
    }

    /// Gives a file an id; the caller has checked the tenant's limit.
    pub(super) fn insert(&mut self, file: OpenFile) -> Result<u32, Status> {
        let index = match self.free.pop_front() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.slots.len()).map_err(|_| Status::ErrLimit)?;
                if index >= Self::CAPACITY {
                    return Err(Status::ErrLimit);
                }
                self.slots.push(Slot::default());
                index
            }
        };
        let slot = self
            .slots
            .get_mut(index as usize)
            .ok_or(Status::ErrUnspec)?;
        // Generations start at one, so that an id is never zero.
        slot.generation = (slot.generation + 1) & (u32::MAX >> SLOT_BITS);
        slot.generation = slot.generation.max(1);
        slot.file = Some(file);
        self.used += 1;
        Ok(slot.generation << SLOT_BITS | index)
    }

    /// The file of a context.
    pub(super) fn get(&self, id: u32) -> Result<&File<TenantFile>, Status> {
        let slot = self.slots.get((id & (Self::CAPACITY - 1)) as usize);
        match slot {
            Some(Slot {
                generation,
                file: Some(file),
            }) if *generation == id >> SLOT_BITS => Ok(file),
            _ => Err(Status::ErrInvalidContext),
        }
    }

    /// Closes a context's file.
    pub(super) fn remove(&mut self, id: u32) -> Result<(), Status> {
        self.get(id)?;
        let index = id & (Self::CAPACITY - 1);
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.file = None;
            self.free.push_back(index);
            self.used -= 1;
        }
        Ok(())
    }

    /// Closes all files. Generations go on, so that ids from before stay unknown.
    pub(super) fn clear(&mut self) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.file.take().is_some() {
                self.free.push_back(index as u32);
            }
        }
        self.used = 0;
    }
}
