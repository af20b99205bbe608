// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Guest memory: the slot, the difference between tables, and what is still in use.

use std::{fs::File, sync::Arc};

use nova_model::Model;
use nova_pci::{DmaMemory, Pci};

use super::*;
use crate::{
    mem::{Backing, Limits, MemoryManager},
    mmu::{AddressSpace, MapFlags},
    testing::clean_memory,
};

const PAGE: u64 = 4096;
const MIB: u64 = 1 << 20;

fn file(len: u64) -> Arc<File> {
    DmaMemory::new(len).unwrap().file().0.clone()
}

fn region(file: &Arc<File>, file_offset: u64, guest_address: u64, len: u64) -> RegionSpec {
    RegionSpec {
        file: file.clone(),
        file_offset,
        guest_address,
        len,
    }
}

fn guest() -> (Arc<MemoryManager<Model>>, GuestMemory<Model>) {
    let (_, memory) = clean_memory();
    let owner = memory.owner("a", Limits::UNLIMITED);
    let guest = GuestMemory::new(&memory, &owner, 5 << 30).unwrap();
    (memory, guest)
}

/// Whether the bus has something at a guest address: then nothing else can be mapped there.
fn is_mapped(memory: &MemoryManager<Model>, guest: &GuestMemory<Model>, at: u64) -> bool {
    let page = DmaMemory::new(PAGE).unwrap();
    let address = guest.bus_address() + at;
    memory.card().pci().dma_map(address, &page).is_err()
}

#[test]
fn slots_of_guests_are_apart_and_as_aligned_as_they_are_long() {
    let (memory, guest) = guest();
    let other = memory.owner("b", Limits::UNLIMITED);
    let next = GuestMemory::new(&memory, &other, 8 << 30).unwrap();
    for slot in [&guest, &next] {
        assert_eq!(slot.bus_address() % (8 << 30), 0);
        assert!(slot.bus_address() + (8 << 30) <= 1 << 47);
    }
    assert_ne!(guest.bus_address(), next.bus_address());
    assert!(GuestMemory::new(&memory, &other, 1 << 47).is_err());
    assert!(GuestMemory::new(&memory, &other, u64::MAX).is_err());
}

#[test]
fn only_the_difference_is_touched() {
    let (memory, guest) = guest();
    let (low, high) = (file(2 * MIB), file(MIB));
    let table = [region(&low, 0, 0, 2 * MIB), region(&high, 0, 4 << 30, MIB)];
    let changes = |mapped, unmapped, kept| Changes {
        mapped,
        unmapped,
        kept,
    };
    assert_eq!(guest.update(&table).unwrap(), changes(2, 0, 0));
    let pages = guest.pages([(0, PAGE)]).unwrap();
    // The same files by other descriptors, in another order.
    let again = |file: &Arc<File>| Arc::new(file.try_clone().unwrap());
    let mut table = [
        region(&again(&high), 0, 4 << 30, MIB),
        region(&again(&low), 0, 0, 2 * MIB),
    ];
    assert_eq!(guest.update(&table).unwrap(), changes(0, 0, 2));
    // The upper one moves and overlaps its old place; the lower one is in use.
    table[0].guest_address += MIB / 2;
    assert_eq!(guest.update(&table).unwrap(), changes(1, 1, 1));
    assert!(!is_mapped(&memory, &guest, 4 << 30));
    assert!(is_mapped(&memory, &guest, (4 << 30) + MIB / 2));
    let other = file(2 * MIB);
    table[1] = region(&other, 0, 0, 2 * MIB);
    let error = guest.update(&table).unwrap_err();
    assert!(matches!(error, GuestMemoryError::InUse { start: 0, .. }));
    drop(pages);
    assert_eq!(guest.update(&table).unwrap(), changes(1, 1, 1));
    assert_eq!(guest.update(&[]).unwrap(), changes(0, 2, 0));
    assert!(!is_mapped(&memory, &guest, 0));
}

#[test]
fn a_region_stays_until_no_space_maps_it() {
    let (memory, guest) = guest();
    let table = [region(&file(2 * MIB), 0, MIB, 2 * MIB)];
    guest.update(&table).unwrap();
    let space = AddressSpace::new(&memory, guest.owner(), 0..1 << 49).unwrap();
    let pages = guest.pages([(2 * MIB, MIB), (MIB, PAGE)]).unwrap();
    let bus = guest.bus_address();
    let extents: Vec<_> = pages.extents().iter().collect();
    let starts: Vec<_> = extents.iter().map(|extent| extent.address - bus).collect();
    assert_eq!(starts, [2 * MIB, MIB]);
    let len = pages.extents().len();
    space.map(0, pages, 0, len, MapFlags::default()).unwrap();
    space.unmap(0, MIB).unwrap();
    assert!(guest.update(&[]).is_err());
    space.unmap(MIB, PAGE).unwrap();
    assert_eq!(guest.update(&[]).unwrap().unmapped, 1);
}

#[test]
fn a_slot_is_nobody_elses_while_an_object_has_memory_in_it() {
    let (memory, guest) = guest();
    let slot = guest.bus_address();
    guest.update(&[region(&file(MIB), 0, 0, MIB)]).unwrap();
    let pages = guest.pages([(0, PAGE)]).unwrap();
    let owner = guest.owner().clone();
    drop(guest);
    let next = GuestMemory::new(&memory, &owner, 5 << 30).unwrap();
    assert_ne!(next.bus_address(), slot);
    drop((pages, next));
    let again = GuestMemory::new(&memory, &owner, 5 << 30).unwrap();
    assert_eq!(again.bus_address(), slot);
}

#[test]
fn tables_that_are_not_in_order_change_nothing() {
    let (memory, guest) = guest();
    let files = [file(2 * MIB), file(MIB)];
    let good = region(&files[0], 0, 0, 2 * MIB);
    guest.update(std::slice::from_ref(&good)).unwrap();
    let bad = [
        vec![region(&files[0], 1, 0, PAGE)],
        vec![region(&files[0], 0, 1, PAGE)],
        vec![region(&files[0], 0, 0, 1)],
        vec![region(&files[0], 0, 0, 0)],
        vec![region(&files[0], 0, u64::MAX - PAGE + 1, PAGE)],
        vec![region(&files[0], 0, (8 << 30) - PAGE, 2 * PAGE)],
        vec![good.clone(), region(&files[1], 0, 2 * MIB - PAGE, MIB)],
        // The file is shorter; the region before it has to be mapped again.
        vec![region(&files[1], 0, 0, 2 * MIB)],
        vec![
            region(&files[1], 0, MIB, MIB),
            region(&files[1], PAGE, 0, MIB),
        ],
        vec![region(&files[1], u64::MAX - PAGE + 1, 0, PAGE)],
        vec![good.clone(); 513],
    ];
    for table in bad {
        assert!(guest.update(&table).is_err(), "{table:?}");
        assert!(is_mapped(&memory, &guest, 2 * MIB - PAGE), "{table:?}");
        assert!(!is_mapped(&memory, &guest, 2 * MIB), "{table:?}");
    }
    let kept = guest.update(&[good]).unwrap().kept;
    assert_eq!(kept, 1);
}

#[test]
fn objects_are_whole_pages_of_memory_that_there_is() {
    let (_, guest) = guest();
    let file = file(3 * MIB);
    let table = [region(&file, 0, 0, MIB), region(&file, MIB, MIB, 2 * MIB)];
    guest.update(&table).unwrap();
    let across = guest.pages([(MIB - PAGE, 2 * PAGE)]).unwrap();
    assert_eq!(
        (across.extents().len(), across.extents().count()),
        (2 * PAGE, 1)
    );
    for run in [(1, PAGE), (0, PAGE + 1), (0, 0), (0, u64::MAX)] {
        let error = guest.pages([run]).map(drop).unwrap_err();
        assert!(matches!(error, GuestMemoryError::Misaligned { .. }));
    }
    let last = u64::MAX - PAGE + 1;
    for run in [
        (3 * MIB, MIB),
        (2 * MIB, 2 * MIB),
        (last, PAGE),
        (PAGE, last),
    ] {
        let error = guest.pages([(0, PAGE), run]).map(drop).unwrap_err();
        assert!(matches!(error, GuestMemoryError::NoMemory { .. }));
    }
}
