// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tests of the walk and of what is remembered of it. Entries are written by hand.

use std::sync::Arc;

use nova_pci::DmaMemory;

use super::*;
use crate::{bus::Bus, vram::Vram};

const MIB: u64 = 1 << 20;
const SYSTEM: u64 = 0x100_0000;
/// Tables in VRAM.
const PD3: u64 = 0x1000;
const PD2: u64 = 0x2000;
const PD1: u64 = 0x3000;
const PD0: u64 = 0x4000;
const PT: u64 = 0x5000;
const BIG: u64 = 0x6000;
const VA: u64 = 1 << 47 | 3 << 38 | 5 << 29 | 7 << 21;
const READ: Access = Access {
    write: false,
    privileged: false,
};
const WRITE: Access = Access {
    write: true,
    privileged: false,
};

/// An address space whose directories lead to a small and a big table for [`VA`].
struct Space {
    vram: Vram,
    dma: crate::dma::Dma,
    system: Arc<DmaMemory>,
    wpr2: Option<std::ops::Range<u64>>,
}

impl Space {
    fn new() -> Self {
        let (bus, system) = (Arc::new(Bus::default()), DmaMemory::new(MIB).unwrap());
        bus.map(SYSTEM, system.clone()).unwrap();
        let mut dma = crate::dma::Dma::new(bus);
        dma.set_master(true);
        let vram = Vram::new(16 * MIB).unwrap();
        let wpr2 = None;
        let space = Self {
            vram,
            dma,
            system,
            wpr2,
        };
        space.put(PD3 + 8, PD2 >> 4 | 1 << 1);
        space.put(PD2 + 3 * 8, PD1 >> 4 | 1 << 1);
        space.put(PD1 + 5 * 8, PD0 >> 4 | 1 << 1);
        space.put(PD0 + 7 * 16, BIG >> 4 | 1 << 1);
        space.put(PD0 + 7 * 16 + 8, PT >> 4 | 1 << 1);
        space
    }

    fn put(&self, at: u64, entry: u64) {
        self.vram.write(at, &entry.to_le_bytes()).unwrap();
    }

    fn memory(&mut self) -> Memory<'_> {
        Memory {
            vram: &self.vram,
            dma: &mut self.dma,
            wpr2: self.wpr2.clone(),
        }
    }

    fn walk(&mut self, va: u64) -> Result<Page, MmuFaultType> {
        walk(&mut self.memory(), Some(ROOT), va).map_err(|fault| {
            assert_eq!(fault.va, va);
            fault.fault
        })
    }

    fn backing(&mut self, va: u64) -> Backing {
        self.walk(va).unwrap().at(va)
    }
}

const ROOT: PageDirectory = PageDirectory {
    aperture: Aperture::Vram,
    address: PD3,
};

#[test]
fn pages_of_every_size_and_memory_are_found() {
    let mut space = Space::new();
    space.put(PT + 2 * 8, 0x7_7000 >> 4 | 1);
    space.put(PT + 3 * 8, 0x1234_5000 >> 4 | 2 << 1 | 1);
    space.put(PT + 4 * 8, 0x1234_5000 >> 4 | 3 << 1 | 1 | 6 << 56);
    space.put(BIG + 8, 0xa_0000 >> 4 | 1 | 1 << 6);
    space.put(PD0 + 8 * 16, 0x20_0000 >> 4 | 1 | 1 << 5);
    assert_eq!(
        space.walk(VA + 0x2345).unwrap(),
        Page {
            va: VA + 0x2000,
            size: 4096,
            backing: Backing::Memory(Aperture::Vram, 0x7_7000),
            read_only: false,
            privilege: false,
        }
    );
    let system = Backing::Memory(Aperture::System, 0x1234_5678);
    assert_eq!(space.backing(VA + 0x3678), system);
    assert_eq!(space.backing(VA + 0x4678), system);
    // The big page is asked before the small ones, here entries 16 to 31.
    space.put(PT + 16 * 8, 0x7_7000 >> 4 | 1);
    let big = space.walk(VA + 0x1_fffe).unwrap();
    assert!(big.read_only && !big.privilege);
    assert_eq!((big.size, big.left(VA + 0x1_fffe)), (0x1_0000, 2));
    assert_eq!(
        space.backing(VA + 0x1_0010),
        Backing::Memory(Aperture::Vram, 0xa_0010)
    );
    let huge = space.walk(VA + 2 * MIB + 5).unwrap();
    assert!(huge.privilege && huge.size == 2 * MIB && huge.va == VA + 2 * MIB);
    assert_eq!(
        huge.at(VA + 3 * MIB),
        Backing::Memory(Aperture::Vram, 3 * MIB)
    );
}

#[test]
fn tables_may_be_behind_the_bus() {
    let mut space = Space::new();
    space.put(PD1 + 5 * 8, (SYSTEM + 0x3000) >> 4 | 2 << 1);
    let small = (SYSTEM + 0x4000) >> 4 | 3 << 1;
    space.system.store64(0x3000 + 7 * 16 + 8, small).unwrap();
    let page = 0x9000 >> 4 | 1;
    space.system.store64(0x4000, page).unwrap();
    let vram = Backing::Memory(Aperture::Vram, 0x9000);
    assert_eq!(space.backing(VA), vram);
    // A root there, too.
    space.system.store64(0x5000 + 8, PD2 >> 4 | 1 << 1).unwrap();
    let root = PageDirectory {
        aperture: Aperture::System,
        address: SYSTEM + 0x5000,
    };
    let page = walk(&mut space.memory(), Some(root), VA).unwrap();
    assert_eq!(page.at(VA), vram);
    space.dma.set_master(false);
    assert_eq!(space.walk(VA), Err(MmuFaultType::PDE));
}

#[test]
fn what_an_invalid_entry_of_a_big_table_says_of_the_small_one() {
    let mut space = Space::new();
    space.put(PT, 0x7_7000 >> 4 | 1);
    let small = Backing::Memory(Aperture::Vram, 0x7_7000);
    assert_eq!(space.backing(VA), small);
    space.put(BIG, 1 << 5);
    assert_eq!(space.walk(VA), Err(MmuFaultType::PTE));
    space.put(BIG, 1 << 3);
    let page = space.walk(VA).unwrap();
    assert_eq!((page.backing, page.size), (Backing::Sparse, 0x1_0000));
    // No big table at all.
    space.put(PD0 + 7 * 16, 0);
    assert_eq!(space.backing(VA), small);
}

#[test]
fn sparse_ranges_are_of_every_level() {
    let mut space = Space::new();
    space.put(PT + 8, 1 << 3);
    space.put(PD0 + 8 * 16, 1 << 3);
    space.put(PD1 + 6 * 8, 1 << 3);
    space.put(PD2 + 4 * 8, 1 << 3);
    for (va, size) in [
        (VA + 0x1000, 4096),
        (VA + 2 * MIB, 2 * MIB),
        (VA + (1 << 29), 1 << 29),
        (VA + (1 << 38), 1 << 38),
    ] {
        let page = space.walk(va + 5).unwrap();
        assert_eq!((page.backing, page.size), (Backing::Sparse, size));
        assert!(page.has(va + 5) && page.va <= va);
    }
}

#[test]
fn every_way_to_lead_nowhere_is_its_own_fault() {
    use MmuFaultType as Fault;
    let mut space = Space::new();
    let mut expect = |at: u64, entry: u64, va: u64, fault: Fault| {
        space.put(at, entry);
        assert_eq!(space.walk(va), Err(fault), "{entry:#x} at {at:#x}");
    };
    expect(PT, 0, VA, Fault::PTE);
    expect(
        PT,
        0x7_7000 >> 4 | 1 << 1 | 1,
        VA,
        Fault::UNSUPPORTED_APERTURE,
    );
    expect(PT, 0x7_7000 >> 4 | 1 | 7 << 56, VA, Fault::UNSUPPORTED_KIND);
    expect(
        PT,
        0x7_7000 >> 4 | 1 | 0xe3 << 56,
        VA,
        Fault::UNSUPPORTED_KIND,
    );
    expect(PT, (16 * MIB) >> 4 | 1, VA, Fault::REGION_VIOLATION);
    expect(
        PT,
        u64::MAX >> 8 << 8 & !(0xff << 56) | 1,
        VA,
        Fault::REGION_VIOLATION,
    );
    // A big page that is not aligned.
    expect(BIG, 0x7_7000 >> 4 | 1, VA, Fault::PTE);
    expect(BIG, (16 * MIB) >> 4 | 1, VA, Fault::REGION_VIOLATION);
    expect(BIG, 0, VA + 0x5000, Fault::PTE);
    // Tables outside of memory.
    expect(PD0 + 7 * 16 + 8, (16 * MIB) >> 4 | 1 << 1, VA, Fault::PTE);
    expect(PD0 + 7 * 16 + 8, 0x5555_0000 >> 4 | 2 << 1, VA, Fault::PTE);
    expect(PD0 + 7 * 16 + 8, 0, VA, Fault::PTE);
    expect(PD0 + 7 * 16, 0, VA, Fault::PDE);
    expect(PD1 + 5 * 8, 1, VA, Fault::PDE_SIZE);
    expect(PD1 + 5 * 8, 0, VA, Fault::PDE);
    expect(PD2 + 3 * 8, (16 * MIB) >> 4 | 1 << 1, VA, Fault::PDE);
    expect(PD2 + 3 * 8, u64::MAX >> 10 & !1, VA, Fault::PDE);
    expect(PD3 + 8, 0, VA, Fault::PDE);
    expect(PD3 + 8, 0, 1 << 49, Fault::VA_LIMIT_VIOLATION);
    expect(PD3 + 8, 0, u64::MAX, Fault::VA_LIMIT_VIOLATION);
    let unbound = walk(&mut space.memory(), None, VA).unwrap_err();
    assert_eq!(unbound.fault, Fault::UNBOUND_INST_BLOCK);
    let nowhere = PageDirectory {
        aperture: Aperture::Vram,
        address: u64::MAX - 8,
    };
    let fault = walk(&mut space.memory(), Some(nowhere), VA).unwrap_err();
    assert_eq!(fault.fault, Fault::PDE);
}

#[test]
fn tables_that_point_at_themselves_end() {
    let mut space = Space::new();
    for entry in 0..512 {
        // A directory in every reading of it, and never a page.
        space.put(PD3 + 8 * entry, PD3 >> 4 | 1 << 1);
    }
    for va in [0, VA, (1 << 49) - 1] {
        assert_eq!(space.walk(va), Err(MmuFaultType::PTE));
    }
}

#[test]
fn the_protected_region_is_neither_table_nor_data() {
    let mut space = Space::new();
    space.put(PT, 0x7_7000 >> 4 | 1);
    space.wpr2 = Some(PT..PT + 0x1000);
    assert_eq!(space.walk(VA), Err(MmuFaultType::PTE));
    let mut memory = space.memory();
    let mut byte = [0];
    for (at, answer) in [
        (PT - 1, Ok(())),
        (PT, Err(MmuFaultType::REGION_VIOLATION)),
        (PT + 0xfff, Err(MmuFaultType::REGION_VIOLATION)),
        (PT + 0x1000, Ok(())),
        (16 * MIB, Err(MmuFaultType::REGION_VIOLATION)),
        (u64::MAX, Err(MmuFaultType::REGION_VIOLATION)),
    ] {
        assert_eq!(memory.read(Aperture::Vram, at, &mut byte), answer);
        assert_eq!(memory.write(Aperture::Vram, at, &byte), answer);
    }
    let nobody = memory.write(Aperture::System, 0x5555_0000, &byte);
    assert_eq!(nobody, Err(MmuFaultType::POISONED));
}

#[test]
fn an_old_page_is_seen_until_it_is_invalidated() {
    let mut space = Space::new();
    let mut tlb = Tlb::default();
    let backing = |space: &mut Space, tlb: &mut Tlb| {
        let page = tlb.translate(&mut space.memory(), Some(ROOT), VA, READ);
        page.map(|page| page.backing).map_err(|fault| fault.fault)
    };
    // What is not there is not remembered.
    assert_eq!(backing(&mut space, &mut tlb), Err(MmuFaultType::PTE));
    space.put(PT, 0x7_7000 >> 4 | 1);
    let first = Ok(Backing::Memory(Aperture::Vram, 0x7_7000));
    assert_eq!(backing(&mut space, &mut tlb), first);
    space.put(PT, 0x8_8000 >> 4 | 1);
    assert_eq!(backing(&mut space, &mut tlb), first);
    let other = PageDirectory {
        address: PD2,
        ..ROOT
    };
    tlb.invalidate(Invalidation::Space(other));
    assert_eq!(backing(&mut space, &mut tlb), first);
    tlb.invalidate(Invalidation::Space(ROOT));
    let second = Ok(Backing::Memory(Aperture::Vram, 0x8_8000));
    assert_eq!(backing(&mut space, &mut tlb), second);
    space.put(PT, 0);
    assert_eq!(backing(&mut space, &mut tlb), second);
    tlb.invalidate(Invalidation::All);
    assert_eq!(backing(&mut space, &mut tlb), Err(MmuFaultType::PTE));
}

#[test]
fn a_bounded_number_is_remembered() {
    let mut space = Space::new();
    let mut tlb = Tlb::default();
    // Each page somewhere else, or they would be remembered together.
    for page in 0..512 {
        space.put(PT + 8 * page, 0x7_7000 >> 4 | 1);
    }
    let mut backing = |space: &mut Space, page: u64| {
        let va = VA + 4096 * page;
        let page = tlb.translate(&mut space.memory(), Some(ROOT), va, READ);
        page.unwrap().backing
    };
    let old = Backing::Memory(Aperture::Vram, 0x7_7000);
    for page in 0..65 {
        assert_eq!(backing(&mut space, page), old);
    }
    for page in 0..512 {
        space.put(PT + 8 * page, 0x8_8000 >> 4 | 1);
    }
    // The first went as the sixty-fifth came.
    assert_eq!(backing(&mut space, 64), old);
    assert_eq!(backing(&mut space, 2), old);
    let new = Backing::Memory(Aperture::Vram, 0x8_8000);
    assert_eq!(backing(&mut space, 0), new);
}

#[test]
fn pages_say_who_may_do_what() {
    let mut space = Space::new();
    let mut tlb = Tlb::default();
    space.put(PT, 0x7_7000 >> 4 | 1 | 1 << 6);
    space.put(PT + 8, 0x7_7000 >> 4 | 1 | 1 << 5);
    let mut fault = |va, access| {
        let page = tlb.translate(&mut space.memory(), Some(ROOT), va, access);
        page.err().map(|fault| (fault.va, fault.fault))
    };
    assert_eq!(fault(VA, READ), None);
    assert_eq!(
        fault(VA + 8, WRITE),
        Some((VA + 8, MmuFaultType::RO_VIOLATION))
    );
    let denied = Some((VA + 4096, MmuFaultType::PRIV_VIOLATION));
    assert_eq!(fault(VA + 4096, READ), denied);
    let privileged = Access {
        privileged: true,
        ..WRITE
    };
    assert_eq!(fault(VA + 4096, privileged), None);
}

#[test]
fn small_pages_that_lie_together_are_found_together() {
    let mut space = Space::new();
    let mut tlb = Tlb::default();
    let vram = |page: u64| (0x10_0000 + 4096 * page) >> 4 | 1;
    for page in 0..48 {
        space.put(PT + 8 * page, vram(page));
    }
    // The second line has a page for reading only, the third one elsewhere.
    space.put(PT + 8 * 20, vram(20) | 1 << 6);
    space.put(PT + 8 * 40, vram(5));
    let mut page = |space: &mut Space, va: u64| {
        let page = tlb.translate(&mut space.memory(), Some(ROOT), va, READ);
        page.unwrap()
    };
    let line = page(&mut space, VA + 0x5123);
    assert_eq!((line.va, line.size), (VA, 0x1_0000));
    let at = |address| Backing::Memory(Aperture::Vram, address);
    assert_eq!(line.at(VA + 0x5123), at(0x10_5123));
    assert_eq!(line.at(VA + 0xffff), at(0x10_ffff));
    for (index, address) in [(19, 0x11_3000), (20, 0x11_4000), (40, 0x10_5000)] {
        let one = page(&mut space, VA + 4096 * index);
        assert_eq!((one.size, one.backing), (4096, at(address)));
        assert_eq!(one.read_only, index == 20);
        // Without the buffer there is never more than a page.
        assert_eq!(space.walk(VA + 4096 * index).unwrap(), one);
    }
    assert_eq!(space.walk(VA).unwrap().size, 4096);
    // The last page of VRAM, and one after it that there is not.
    for page in 0..16 {
        let last = 16 * MIB - 15 * 4096;
        space.put(PT + 8 * (64 + page), (last + 4096 * page) >> 4 | 1);
    }
    let va = VA + 4096 * 64;
    let mut fault = |va| {
        let page = tlb.translate(&mut space.memory(), Some(ROOT), va, READ);
        page.map(|page| page.at(va)).map_err(|fault| fault.fault)
    };
    assert_eq!(fault(va + 14 * 4096), Ok(at(16 * MIB - 4096)));
    assert_eq!(fault(va + 15 * 4096), Err(MmuFaultType::REGION_VIOLATION));
}
