// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Every allocation of every operation fails once, and nothing of the operation stays.

use super::{random::check_books, *};
use crate::{
    mem::{PageSize, Resource, Usage},
    mmu::{MapError, MapFlags},
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Lets `operation` fail at its first allocation, at its second, and so on until none fails; how
/// often it failed.
fn fails_everywhere(
    it: &Fixture,
    resource: Resource,
    step: u64,
    operation: impl Fn() -> Result<(), MapError>,
) -> u64 {
    for failures in 0.. {
        let (tables, figures) = (it.decode(), it.space.figures());
        let (used, vram) = (it.owner.figures(), it.memory.vram().figures());
        it.owner
            .set_limit(resource, it.owner.used(resource) + failures * step);
        let result = operation();
        it.owner.set_limit(resource, u64::MAX);
        check_books(&it.memory);
        match result {
            Ok(()) => return failures,
            Err(MapError::Quota(_) | MapError::Vram(_)) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(it.decode(), tables);
        assert_eq!(it.space.figures(), figures);
        assert_eq!(it.owner.figures(), used);
        assert_eq!(it.memory.vram().figures(), vram);
    }
    unreachable!()
}

#[test]
fn a_mapping_of_all_sizes_fails_at_each_table() {
    let it = Fixture::new();
    let memory = it.alloc(&VramRequest::buffer(8 * MIB).contiguous());
    let map = |va, offset, len| {
        let memory = memory.clone();
        it.space.map(va, memory, offset, len, MapFlags::default())
    };
    let vram = Resource::Vram;
    // On both sides of an entry of the root: three directories each, a table of small pages, and
    // one page of tables of big pages.
    let va = (1 << 47) - 4 * KIB;
    let count = fails_everywhere(&it, vram, 4 * KIB, || map(va, 2 * MIB - 4 * KIB, 68 * KIB));
    assert_eq!(count, 2 * 3 + 1 + 1);
    // A huge page that is broken down.
    map(8 * MIB, 0, 2 * MIB).unwrap();
    let unmap = || it.space.unmap(8 * MIB + 64 * KIB, 64 * KIB);
    assert_eq!(fails_everywhere(&it, vram, 4 * KIB, unmap), 1);
    // One that is cut by another mapping.
    map(16 * MIB, 0, 4 * MIB).unwrap();
    let cut = || map(17 * MIB, 4 * MIB, 2 * MIB);
    assert_eq!(fails_everywhere(&it, vram, 4 * KIB, cut), 2);
    let sparse = || it.space.map_sparse(1 << 40, 4 * KIB);
    assert_eq!(fails_everywhere(&it, vram, 4 * KIB, sparse), 3);
}

#[test]
fn the_number_of_mappings_is_limited_too() {
    let it = Fixture::new();
    let memory = it.alloc(&VramRequest::buffer(64 * KIB));
    let flags = MapFlags::default();
    let map = || it.space.map(MIB, memory.clone(), 0, 64 * KIB, flags);
    assert_eq!(fails_everywhere(&it, Resource::Mappings, 1, map), 1);
    let split = || it.space.unmap(MIB + 4 * KIB, 4 * KIB);
    assert_eq!(fails_everywhere(&it, Resource::Mappings, 1, split), 1);
    assert_eq!(it.owner.used(Resource::Mappings), 2);
    it.owner.set_limit(Resource::Mappings, 0);
    it.space.unmap(0, 8 * MIB).unwrap();
    assert_eq!(it.owner.used(Resource::Mappings), 0);
}

#[test]
fn no_vram_for_a_table_is_an_error_too() {
    let it = Fixture::new();
    let mut held = Vec::new();
    let page = VramRequest::buffer(4 * KIB);
    for size in PageSize::ALL.into_iter().rev() {
        let request = VramRequest::buffer(size.bytes());
        held.extend(std::iter::from_fn(|| {
            it.memory.vram().alloc(&it.owner, &request).ok()
        }));
    }
    let memory = held.pop().unwrap();
    let before = it.memory.vram().figures();
    let flags = MapFlags::default();
    let map = |len| it.space.map(MIB, memory.clone(), 0, len, flags);
    let error = map(4 * KIB).unwrap_err();
    assert!(matches!(error, MapError::Vram(_)), "{error}");
    assert_eq!(it.memory.vram().figures(), before);
    assert!(it.memory.vram().alloc(&it.owner, &page).is_err());
    let spaces = AddressSpace::new(&it.memory, &it.owner, 0..1 << 40);
    assert!(spaces.is_err());
    assert_eq!(it.owner.used_for(Resource::AddressSpaces, Usage::Count), 1);
}
