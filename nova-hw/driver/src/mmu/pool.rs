// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tables of big pages, of which 16 share a page of VRAM.

use std::collections::{BTreeMap, BTreeSet};

use nova_spec::gmmu::Level;

use crate::mem::VideoMemory;

const SIZE: u64 = Level::BigPt.table_size();
const FULL: u16 = u16::MAX;

/// A table's place. It goes back to the pool that it is from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slot {
    page: u64,
    index: u32,
}

impl Slot {
    /// The address in VRAM.
    pub(super) fn address(&self) -> u64 {
        self.page + u64::from(self.index) * SIZE
    }
}

/// The pages of one address space.
#[derive(Default)]
pub(super) struct Pool {
    /// By address, with a bit for each slot that is taken.
    pages: BTreeMap<u64, (VideoMemory, u16)>,
    /// Those with a slot that is not.
    partial: BTreeSet<u64>,
}

impl Pool {
    /// A free slot; `alloc` gives one more page when there is none.
    pub(super) fn take<E>(
        &mut self,
        alloc: impl FnOnce() -> Result<VideoMemory, E>,
    ) -> Result<Slot, E> {
        let page = match self.partial.first() {
            Some(page) => *page,
            None => {
                let page = alloc()?;
                let address = page.address();
                self.partial.insert(address);
                self.pages.insert(address, (page, 0));
                address
            }
        };
        let mut index = 0;
        if let Some((_, taken)) = self.pages.get_mut(&page) {
            index = taken.trailing_ones();
            *taken |= 1 << index;
            if *taken == FULL {
                self.partial.remove(&page);
            }
        }
        Ok(Slot { page, index })
    }

    /// Takes a slot back; gives a page away that has no other.
    pub(super) fn put(&mut self, slot: Slot) -> Option<VideoMemory> {
        let (_, taken) = self.pages.get_mut(&slot.page)?;
        *taken &= !(1 << slot.index);
        if *taken != 0 {
            self.partial.insert(slot.page);
            return None;
        }
        self.partial.remove(&slot.page);
        self.pages.remove(&slot.page).map(|(page, _)| page)
    }
}
