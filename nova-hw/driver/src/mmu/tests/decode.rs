// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A decoder of page tables that knows nothing of how they were made.

use std::collections::BTreeMap;

use nova_spec::gmmu::{BigPde, Level, Pde, PdeAperture, Pte};

use crate::{mem::PageSize, testing::VramFile};

/// An entry that maps something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) size: PageSize,
    /// Without an address that means anything where it is sparse.
    pub(crate) pte: Pte,
}

/// All entries that map something, by address.
pub(crate) type Decoded = BTreeMap<u64, Leaf>;

struct Walker<'a> {
    vram: &'a VramFile,
    found: Decoded,
    /// Big tables without a page.
    empty_tables: u32,
}

/// Walks the tables below a root.
pub(crate) fn decode(vram: &VramFile, root: u64) -> Decoded {
    let mut walker = Walker {
        vram,
        found: Decoded::new(),
        empty_tables: 0,
    };
    walker.directory(Level::Pd3, root, 0);
    assert_eq!(walker.empty_tables, 0);
    walker.found
}

/// The same of a BAR, whose big tables stay.
pub(crate) fn decode_bar(vram: &VramFile, root: u64) -> Decoded {
    let mut walker = Walker {
        vram,
        found: Decoded::new(),
        empty_tables: 0,
    };
    walker.directory(Level::Pd3, root, 0);
    walker.found
}

impl Walker<'_> {
    fn table(&self, level: Level, address: u64) -> Vec<u64> {
        let mut bytes = vec![0; (level.entries() * level.entry_size()) as usize];
        self.vram.read(address, &mut bytes);
        let entries = bytes.chunks(8);
        entries
            .map(|entry| u64::from_le_bytes(entry.try_into().unwrap()))
            .collect()
    }

    fn directory(&mut self, level: Level, address: u64, base: u64) {
        let below = match level {
            Level::Pd3 => Level::Pd2,
            Level::Pd2 => Level::Pd1,
            _ => Level::Pd0,
        };
        let entries = self.table(level, address);
        for (va, entry) in (base..).step_by(1 << level.shift()).zip(entries) {
            let pde = Pde::new_with_raw_value(entry);
            match pde.aperture() {
                PdeAperture::Invalid => assert_eq!(entry, 0, "{va:#x}"),
                PdeAperture::VideoMemory if below == Level::Pd0 => self.pd0(pde.address(), va),
                PdeAperture::VideoMemory => self.directory(below, pde.address(), va),
                other => panic!("a table in {other:?}"),
            }
        }
    }

    fn pd0(&mut self, address: u64, base: u64) {
        let entries = self.table(Level::Pd0, address);
        for (va, halves) in (base..).step_by(2 << 20).zip(entries.chunks(2)) {
            let (low, high) = (halves[0], halves[1]);
            let big = BigPde::new_with_raw_value(low);
            let small = Pde::new_with_raw_value(high);
            let pte = Pte::new_with_raw_value(low);
            if pte.valid() || (big.aperture() == PdeAperture::Invalid && pte.is_sparse()) {
                assert_eq!(high, 0, "a small table under a huge page at {va:#x}");
                self.leaf(va, PageSize::Huge, pte);
                continue;
            }
            let mut hidden = 0u32;
            if big.aperture() == PdeAperture::VideoMemory {
                hidden = self.big(big.address(), va);
                self.empty_tables += u32::from(hidden == 0);
            } else {
                assert_eq!(low, 0, "{va:#x}");
            }
            if small.aperture() == PdeAperture::VideoMemory {
                self.small(small.address(), va, hidden);
            } else {
                assert_eq!(high, 0, "{va:#x}");
            }
        }
    }

    /// The pages of a big table; which of its entries hide small ones.
    fn big(&mut self, address: u64, base: u64) -> u32 {
        let mut hidden = 0;
        for (index, entry) in self.table(Level::BigPt, address).into_iter().enumerate() {
            let pte = Pte::new_with_raw_value(entry);
            if pte.valid() || pte.is_sparse() {
                hidden |= 1 << index;
                self.leaf(base + ((index as u64) << 16), PageSize::Big, pte);
            }
        }
        hidden
    }

    fn small(&mut self, address: u64, base: u64, hidden: u32) {
        let mut count = 0;
        for (index, entry) in self.table(Level::Pt, address).into_iter().enumerate() {
            let pte = Pte::new_with_raw_value(entry);
            if pte.valid() || pte.is_sparse() {
                let va = base + ((index as u64) << 12);
                assert_eq!(hidden >> (index / 16) & 1, 0, "a hidden page at {va:#x}");
                self.leaf(va, PageSize::Small, pte);
                count += 1;
            }
        }
        assert_ne!(count, 0, "a small table without a page at {base:#x}");
    }

    fn leaf(&mut self, va: u64, size: PageSize, pte: Pte) {
        if pte.valid() {
            assert_eq!(pte.address() % size.bytes(), 0, "{va:#x}");
        }
        assert_eq!(self.found.insert(va, Leaf { size, pte }), None);
    }
}
