// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a few operations leave in the tables.

use nova_spec::gmmu::PteAperture;

use super::{decode::Decoded, Fixture};
use crate::{
    mem::{Backing, PageSize, Resource, Usage, VramRequest},
    mmu::{Kind, MapError, MapFlags},
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

fn count(decoded: &Decoded, size: PageSize) -> usize {
    decoded.values().filter(|leaf| leaf.size == size).count()
}

#[test]
fn the_largest_pages_that_fit_are_used() {
    let it = Fixture::new();
    let memory = it.alloc(&VramRequest::buffer(6 * MIB).contiguous());
    // 4 KiB of the second page on, to 68 KiB before the end of the third.
    let (offset, len) = (2 * MIB - 4 * KIB, 4 * MIB - 64 * KIB);
    let va = (1 << 47) - 4 * KIB;
    let flags = MapFlags::default();
    it.space
        .map(va, memory.clone(), offset, len, flags)
        .unwrap();
    let decoded = it.decode();
    assert_eq!(count(&decoded, PageSize::Huge), 1);
    assert_eq!(count(&decoded, PageSize::Big), 30);
    assert_eq!(count(&decoded, PageSize::Small), 1 + 15);
    for (at, leaf) in &decoded {
        assert_eq!(leaf.pte.address(), memory.address() + offset + (at - va));
        assert_eq!(leaf.pte.aperture(), PteAperture::VideoMemory);
    }
    it.space.unmap(0, 1 << 49).unwrap();
    assert_eq!(it.decode(), Decoded::new());
    let figures = it.space.figures();
    assert_eq!(
        (figures.mappings, figures.directories, figures.blocks),
        (0, 0, 0)
    );
}

#[test]
fn a_huge_page_is_broken_down_and_made_whole() {
    let it = Fixture::new();
    let memory = it.alloc(&VramRequest::buffer(2 * MIB));
    let va = 512 * MIB - 2 * MIB;
    let flags = MapFlags {
        read_only: true,
        kind: Kind::Generic,
    };
    it.space.map(va, memory.clone(), 0, 2 * MIB, flags).unwrap();
    assert_eq!(it.decode()[&va].size, PageSize::Huge);
    it.space.unmap(va + 64 * KIB, 4 * KIB).unwrap();
    let decoded = it.decode();
    assert_eq!(count(&decoded, PageSize::Small), 511);
    assert!(!decoded.contains_key(&(va + 64 * KIB)));
    for (at, leaf) in &decoded {
        assert_eq!(leaf.pte.address(), memory.address() + (at - va));
        assert!(leaf.pte.read_only());
        assert_eq!(leaf.pte.kind(), 6);
    }
    it.space.map(va, memory.clone(), 0, 2 * MIB, flags).unwrap();
    assert_eq!(it.decode()[&va].size, PageSize::Huge);
    assert_eq!(it.space.figures().mappings, 1);
}

#[test]
fn memory_lives_until_it_is_unmapped() {
    let it = Fixture::new();
    let memory = it.alloc(&VramRequest::buffer(MIB));
    it.space
        .map(MIB, memory, 0, MIB, MapFlags::default())
        .unwrap();
    let used = || it.owner.used_for(Resource::Vram, Usage::Buffer);
    assert_eq!(it.memory.vram().figures().released, 0);
    it.space.map_sparse(MIB, MIB / 2).unwrap();
    assert_eq!((it.memory.vram().figures().released, used()), (0, MIB));
    it.space.unmap(0, 8 * MIB).unwrap();
    // The tables are dirty too, and both are still paid for.
    assert!(it.memory.vram().figures().released > MIB);
    assert_eq!(used(), MIB);
}

#[test]
fn what_is_not_in_order_changes_nothing() {
    let it = Fixture::new();
    let memory = it.alloc(&VramRequest::buffer(64 * KIB));
    let other = it.memory.owner("b", crate::mem::Limits::UNLIMITED);
    let request = VramRequest::buffer(4 * KIB);
    let foreign = it.memory.vram().alloc(&other, &request).unwrap();
    let flags = MapFlags::default();
    let map = |va, offset, len| it.space.map(va, memory.clone(), offset, len, flags);
    let page = 4 * KIB;
    for (va, len) in [(1, page), (page, 0), (page, 1), (page + 512, page)] {
        assert!(matches!(map(va, 0, len), Err(MapError::Misaligned { .. })));
        assert!(matches!(
            it.space.unmap(va, len),
            Err(MapError::Misaligned { .. })
        ));
        assert!(it.space.map_sparse(va, len).is_err());
    }
    let last = u64::MAX - page + 1;
    for (va, len) in [
        (1 << 49, page),
        ((1 << 49) - page, 2 * page),
        (last, page),
        (page, last),
    ] {
        let error = it.space.unmap(va, len).unwrap_err();
        assert!(matches!(error, MapError::OutsideSpace { .. }), "{error}");
    }
    for (offset, len) in [(64 * KIB, page), (page, 64 * KIB), (last, page), (1, page)] {
        let error = map(MIB, offset, len).unwrap_err();
        assert!(matches!(error, MapError::OutsideMemory { .. }), "{error}");
    }
    let long = it.space.map_sparse(0, 1 << 41).unwrap_err();
    assert!(matches!(long, MapError::TooLong { .. }));
    let error = it
        .space
        .map(MIB, foreign.clone(), 0, page, flags)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the memory belongs to b and the address space to a"
    );
    assert_eq!(it.decode(), Decoded::new());
    assert_eq!(it.owner.used_for(Resource::Vram, Usage::PageTables), page);
    assert_eq!(foreign.extents().count(), 1);
}
