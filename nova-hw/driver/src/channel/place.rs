// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where a channel's ring and its USERD are, when somebody else keeps them: a guest.

use std::sync::Arc;

use nova_pci::PAGE_SIZE;
use nova_spec::gmmu::PteAperture;

use crate::{
    device::WorkError,
    mem::{Backing, Owner},
};

/// Virtual addresses that the host engine fetches from.
const FETCH_BITS: u32 = 40;
/// The most entries of a ring. The register's field has room for more; nobody needs them.
const MAX_ENTRIES: u32 = 1 << 16;

/// Where a ring is, and its USERD: a page of system memory, which no other channel has a part of.
#[derive(Clone)]
pub struct RingPlace {
    /// The virtual address of the ring, in the channel's address space: a multiple of 8 below
    /// 2^40. It may be mapped later, but before the first entry is written.
    pub va: u64,
    /// Entries, of 8 bytes each: a power of two from 2 to 65536.
    pub entries: u32,
    /// The memory that USERD is in. The channel holds it.
    pub userd: Arc<dyn Backing>,
    /// Where USERD is in that: a multiple of 4096.
    pub userd_offset: u64,
}

/// A checked USERD: its bus address, and what has to live as long.
#[derive(Clone)]
pub(crate) struct Userd {
    pub(crate) address: u64,
    #[allow(dead_code)] // lives as long as what uses the page
    pub(crate) memory: Arc<dyn Backing>,
}

impl RingPlace {
    /// Checks that USERD is a page of the owner's.
    pub(crate) fn userd(&self, owner: &Owner) -> Result<Userd, WorkError> {
        let offset = self.userd_offset;
        let wrong = WorkError::Userd { offset };
        let memory = &self.userd;
        let is_system = memory.aperture() == PteAperture::SystemCoherent;
        if !is_system || memory.owner() != owner || offset % PAGE_SIZE != 0 {
            return Err(wrong);
        }
        // What is left of the piece that has the offset.
        match memory.extents().at(offset) {
            Some(extent) if extent.len >= PAGE_SIZE && extent.address % PAGE_SIZE == 0 => {
                Ok(Userd {
                    address: extent.address,
                    memory: memory.clone(),
                })
            }
            _ => Err(wrong),
        }
    }
}

/// Checks where a ring is.
pub(crate) fn check_ring(va: u64, entries: u32) -> Result<(), WorkError> {
    let is_count = entries.is_power_of_two() && (2..=MAX_ENTRIES).contains(&entries);
    let end = va.checked_add(u64::from(entries) * 8);
    let is_reached = end.is_some_and(|end| end <= 1 << FETCH_BITS);
    match is_count && is_reached && va % 8 == 0 {
        true => Ok(()),
        false => Err(WorkError::Ring { va, entries }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_powers_of_two_within_reach() {
        for (va, entries) in [(0, 2), (8, 512), ((1 << 40) - 16, 2), (0, 1 << 16)] {
            assert!(check_ring(va, entries).is_ok(), "{va:#x} {entries}");
        }
        for (va, entries) in [
            (0, 0),
            (0, 1),
            (0, 3),
            (0, 1 << 17),
            (4, 2),
            ((1 << 40) - 8, 2),
            (u64::MAX - 7, 2),
        ] {
            let refused = check_ring(va, entries);
            assert!(
                matches!(refused, Err(WorkError::Ring { .. })),
                "{va:#x} {entries}"
            );
        }
    }
}
