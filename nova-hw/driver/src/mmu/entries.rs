// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Writing entries that the GPU may look at meanwhile.
//!
//! An entry has 8 bytes and the CPU writes 4 at a time. Half of an old entry together with half
//! of a new one must not lead to memory that is in neither. The low half has the valid bit, the
//! aperture and the address up to bit 35; the high half has the rest of the address and the kind.
//! So an entry is made invalid by its low half, then gets its high half, then its low half. While
//! no address in use needs the high half that is not necessary, and where nothing was mapped the
//! first step is not: then entries are written in blocks.

use nova_pci::Pci;

use crate::{error::Cause, mem::Instmem};

/// The low half of an entry has the bits of an address below this one.
pub(super) const NARROW: u64 = 1 << 36;

/// Writes entries of the tables of one space.
pub(super) struct Entries<'a, P: Pci> {
    pub(super) instmem: &'a Instmem<P>,
    /// Whether an address is in use that needs the high half.
    pub(super) wide: bool,
}

impl<P: Pci> Entries<'_, P> {
    /// Writes adjacent entries of a table that nothing leads to yet.
    pub(super) fn fresh(&self, address: u64, entries: &[u64]) -> Result<(), Cause> {
        self.instmem.write(address, &bytes(entries))
    }

    /// Writes adjacent entries of a table in use. `were_free` says that none of them is valid.
    pub(super) fn live(&self, address: u64, entries: &[u64], were_free: bool) -> Result<(), Cause> {
        if !self.wide {
            return self.fresh(address, entries);
        }
        if were_free {
            let high: Vec<_> = entries.iter().map(|entry| entry >> 32 << 32).collect();
            self.fresh(address, &high)?;
            return self.fresh(address, entries);
        }
        let mut dwords = Vec::with_capacity(entries.len() * 3);
        for (&entry, at) in entries.iter().zip((address..).step_by(8)) {
            match entry {
                // What its high half says does not matter.
                0 => dwords.push((at, 0)),
                _ => dwords.extend(ordered(at, entry)),
            }
        }
        self.instmem.write_dwords(&dwords)
    }

    /// Writes one entry of a directory in use.
    pub(super) fn directory(&self, address: u64, entry: u64) -> Result<(), Cause> {
        self.instmem.write_dwords(&ordered(address, entry))
    }
}

/// The dwords of an entry, in an order in which it never leads elsewhere.
fn ordered(address: u64, entry: u64) -> [(u64, u32); 3] {
    let (low, high) = (entry as u32, (entry >> 32) as u32);
    [(address, 0), (address + 4, high), (address, low)]
}

fn bytes(entries: &[u64]) -> Vec<u8> {
    entries
        .iter()
        .flat_map(|entry| entry.to_le_bytes())
        .collect()
}
