// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Slices: what the tables show, and what is refused. What the BAR shows by them is tested on a
//! model that has booted.

use nova_model::Model;
use nova_spec::gmmu::{Level, Pde, PdeAperture};

use super::*;
use crate::{
    mem::{Limits, PageSize, Resource, Usage, VideoMemory, VramRequest},
    mmu::tests::decode::{decode_bar, Decoded},
    testing::{clean_memory, VramFile},
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

struct Fixture {
    file: VramFile,
    memory: Arc<MemoryManager<Model>>,
    /// RM's page.
    root: Arc<VideoMemory>,
    bar1: Arc<Bar1<Model>>,
}

impl Fixture {
    fn new() -> Self {
        let (card, memory) = clean_memory();
        let file = VramFile::of(&card);
        let root = memory.alloc_instance(memory.daemon(), Usage::PageTables, 4096);
        let root = root.unwrap();
        let setup = Bar1Setup {
            block: NV_PBUS_BAR1_BLOCK::DEFAULT.with_mode(NV_PBUS_BAR1_BLOCK_MODE::VIRTUAL),
            root: root.address(),
        };
        let bar1 = Bar1::new(&memory, &setup).unwrap();
        Self {
            file,
            memory,
            root,
            bar1,
        }
    }

    fn decode(&self) -> Decoded {
        decode_bar(&self.file, self.root.address())
    }

    fn alloc(&self, owner: &Owner, len: u64) -> Arc<VideoMemory> {
        let request = VramRequest::buffer(len);
        self.memory.vram().alloc(owner, &request).unwrap()
    }
}

#[test]
fn all_of_a_slice_is_the_owners_memory_or_its_dummy() {
    let it = Fixture::new();
    let owners = ["a", "b"].map(|name| it.memory.owner(name, Limits::UNLIMITED));
    let slices = [0, 1].map(|at| it.bar1.slice(&owners[at], 4 * MIB).unwrap());
    assert_eq!((slices[0].offset(), slices[1].offset()), (0, 4 * MIB));
    let memory = it.alloc(&owners[1], 200 * KIB);
    let mapping = slices[1].map(memory.clone(), 4 * KIB, 192 * KIB).unwrap();
    let small = slices[1].map(memory.clone(), 0, 4 * KIB).unwrap();
    for (at, leaf) in it.decode() {
        let (slice, offset) = ((at / (4 * MIB)) as usize, at % (4 * MIB));
        let address = leaf.pte.address();
        assert_ne!(leaf.size, PageSize::Huge);
        let inside = offset.checked_sub(mapping.offset());
        if slice == 1 && inside.is_some_and(|inside| inside < mapping.len()) {
            assert_eq!(address, memory.address() + 4 * KIB + inside.unwrap());
        } else if slice == 1 && offset == small.offset() {
            assert_eq!(address, memory.address());
        } else {
            let dummy = slices[slice].dummy.entry(0, 0, PageSize::Big).unwrap();
            let dummy = nova_spec::gmmu::Pte::new_with_raw_value(dummy);
            assert_eq!(address, dummy.address() + at % (64 * KIB));
        }
    }
    let pages = |decoded: &Decoded| -> u64 { decoded.values().map(|leaf| leaf.size.bytes()).sum() };
    assert_eq!(pages(&it.decode()), 8 * MIB);
    let before = owners[1].used_for(Resource::Vram, Usage::PageTables);
    assert!(before > 0, "tables of small pages are the owner's");
    drop((mapping, small));
    let decoded = it.decode();
    assert_eq!(pages(&decoded), 8 * MIB);
    assert!(decoded.values().all(|leaf| leaf.size == PageSize::Big));
    drop(slices);
    assert_eq!(it.decode(), Decoded::new());
    assert_eq!(it.bar1.space.figures().mappings, 0);
}

#[test]
fn what_is_full_or_foreign_is_refused() {
    let it = Fixture::new();
    let a = it.memory.owner("a", Limits::UNLIMITED);
    let b = it.memory.owner("b", Limits::UNLIMITED);
    let slice = it.bar1.slice(&a, 1).unwrap();
    assert_eq!(slice.len(), 2 * MIB);
    let no_space =
        |result: Result<_, Bar1Error>| matches!(result.map(drop), Err(Bar1Error::NoSpace { .. }));
    assert!(no_space(it.bar1.slice(&b, 256 * MIB).map(drop)));
    assert!(no_space(it.bar1.slice(&b, 0).map(drop)));
    assert!(no_space(it.bar1.slice(&b, u64::MAX).map(drop)));
    let large = it.alloc(&a, 4 * MIB);
    assert!(no_space(slice.map(large.clone(), 0, 4 * MIB).map(drop)));
    let half = slice.map(large.clone(), MIB, MIB).unwrap();
    assert!(no_space(
        slice.map(large.clone(), 0, MIB + 4 * KIB).map(drop)
    ));
    let foreign = slice.map(it.alloc(&b, MIB), 0, MIB).map(drop);
    assert!(matches!(
        foreign,
        Err(Bar1Error::Map(MapError::Foreign { .. }))
    ));
    for (offset, len) in [
        (0, 0),
        (0, 1),
        (1, 4096),
        (4 * MIB, 4096),
        (u64::MAX - 4095, 4096),
    ] {
        assert!(slice.map(large.clone(), offset, len).is_err());
    }
    drop(half);
    assert!(slice.map(large, 0, 2 * MIB).is_ok());
    for (offset, len) in [(2 * MIB, 1), (2 * MIB - 1, 2), (u64::MAX, 1)] {
        let mut data = vec![0; len];
        let error = slice.read(offset, &mut data).unwrap_err();
        assert!(matches!(error, Bar1Error::OutOfRange { .. }), "{error}");
        assert!(slice.write(offset, &data).is_err());
    }
}

#[test]
fn a_quota_fails_a_slice_or_a_mapping_without_a_trace() {
    let it = Fixture::new();
    let owner = it
        .memory
        .owner("a", Limits::UNLIMITED.with(Resource::Vram, 0));
    let used = |usage| owner.used_for(Resource::Vram, usage);
    assert!(it.bar1.slice(&owner, 2 * MIB).is_err());
    assert_eq!(owner.figures().used, []);
    owner.set_limit(Resource::Vram, 64 * KIB);
    let slice = it.bar1.slice(&owner, 2 * MIB).unwrap();
    assert_eq!(used(Usage::DummyPage), 64 * KIB);
    owner.set_limit(Resource::Vram, 68 * KIB);
    let memory = it.alloc(&owner, 4 * KIB);
    let before = it.decode();
    let error = slice.map(memory.clone(), 0, 4 * KIB).map(drop).unwrap_err();
    assert!(
        matches!(error, Bar1Error::Map(MapError::Vram(_))),
        "{error}"
    );
    assert_eq!(it.decode(), before);
    owner.set_limit(Resource::Vram, 72 * KIB);
    let mapping = slice.map(memory, 0, 4 * KIB).unwrap();
    // Taking it away needs nothing, even of an owner that may have nothing.
    owner.set_limit(Resource::Vram, 0);
    drop(mapping);
    assert_eq!(it.decode(), before);
}

#[test]
fn the_root_is_rms_again_in_the_end() {
    let (card, memory) = clean_memory();
    let file = VramFile::of(&card);
    let root = memory.alloc_instance(memory.daemon(), Usage::PageTables, 4096);
    let root = root.unwrap();
    let rms = Pde::table(PdeAperture::VideoMemory, 0x1234_5000).unwrap();
    let rms = rms.raw_value().to_le_bytes();
    memory.write_instance(&root, 0, &rms).unwrap();
    let entry = || {
        let mut entry = [0; 8];
        file.read(root.address() + Level::Pd3.offset(0), &mut entry);
        entry
    };
    let mut setup = Bar1Setup {
        block: NV_PBUS_BAR1_BLOCK::DEFAULT,
        root: root.address(),
    };
    let physical = Bar1::new(&memory, &setup).map(drop);
    assert!(matches!(physical, Err(Bar1Error::NotSetUp { block: 0 })));
    setup.block = setup.block.with_mode(NV_PBUS_BAR1_BLOCK_MODE::VIRTUAL);
    let bar1 = Bar1::new(&memory, &setup).unwrap();
    assert_eq!(entry(), rms);
    let slice = bar1.slice(memory.daemon(), 2 * MIB).unwrap();
    assert_ne!(entry(), rms);
    drop((slice, bar1));
    assert_eq!(entry(), rms);
}
