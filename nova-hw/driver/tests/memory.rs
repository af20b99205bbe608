// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory of a GPU that has booted: BAR1's slices as the CPU sees them, the scrubbed start, and
//! what remains when the card fails in the middle.

#[path = "common/faulty.rs"]
mod faulty;
#[path = "common/firmware.rs"]
mod firmware;

use std::{sync::Arc, time::Duration};

use faulty::{Fault, Faulty};
use nova_driver::{
    bar1::{Bar1Error, Slice},
    guest::{GuestMemory, RegionSpec},
    mem::{
        Backing, Extents, Limits, MemoryManager, Owner, Resource, ScrubError, Scrubber, Usage,
        VideoMemory, VramRequest,
    },
    mmu::{AddressSpace, MapError, MapFlags},
    BootOptions, Booted, Gpu, Timeouts,
};
use nova_model::Model;
use nova_pci::{DmaMemory, Pci};
use nova_spec::{register::Register, regs::NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE, Chipset};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Believes that VRAM is zero, as that of a model is at first.
struct Believe;

impl Scrubber for Believe {
    fn scrub(&mut self, _: &Extents) -> Result<(), ScrubError> {
        Ok(())
    }
}

fn boot<P: Pci>(pci: P) -> Booted<P> {
    let gpu = Gpu::probe(pci).unwrap();
    let firmware = firmware::synthetic(Chipset::GA102);
    let mut options = BootOptions::default();
    // A register that hangs is what these tests wait for.
    options.timeouts = Timeouts {
        tlb_invalidate: Duration::from_millis(20),
        fb_flush: Duration::from_millis(20),
        ..Timeouts::default()
    };
    gpu.boot(&firmware, &options).unwrap()
}

fn model(seed: u64) -> Model {
    Model::builder().seed(seed).build().unwrap()
}

fn alloc<P: Pci>(memory: &MemoryManager<P>, owner: &Owner, len: u64) -> Arc<VideoMemory> {
    let request = VramRequest::buffer(len);
    memory.vram().alloc(owner, &request).unwrap()
}

#[test]
fn vram_is_what_rm_leaves_and_dirty_at_first() {
    for seed in 1..4 {
        let booted = boot(model(seed));
        let regions = booted.info().usable_regions();
        let usable: u64 = regions.map(|region| region.limit - region.base + 1).sum();
        let memory = booted.memory().clone();
        let figures = memory.vram().figures();
        assert_eq!((figures.total, figures.unscrubbed), (usable, usable));
        let owner = memory.owner("a", Limits::UNLIMITED);
        let request = VramRequest::buffer(4 * KIB);
        assert!(memory.vram().alloc(&owner, &request).is_err());
        assert_eq!(memory.vram().scrub(&mut Believe, 64 * MIB).unwrap(), usable);
        let all = alloc(&memory, &owner, usable / (2 * MIB) * (2 * MIB));
        for extent in all.extents().iter() {
            let mut others = booted.info().regions.iter().filter(|it| !it.is_usable());
            assert!(others.all(|it| extent.end() <= it.base || it.limit < extent.address));
        }
    }
}

#[test]
fn instance_memory_is_zeroed_read_and_written() {
    let booted = boot(model(4));
    let fill = vec![0xee; 256 << 10];
    let start = booted.info().usable_regions().next().unwrap().base;
    booted.gpu().vram().write(start, &fill).unwrap();
    let memory = booted.memory();
    let owner = memory.owner("a", Limits::UNLIMITED);
    let block = memory
        .alloc_instance(&owner, Usage::InstanceBlock, 8 * KIB)
        .unwrap();
    assert_eq!(
        owner.used_for(Resource::Vram, Usage::InstanceBlock),
        8 * KIB
    );
    let mut data = [0xff; 8];
    memory
        .read_instance(&block, 8 * KIB - 8, &mut data)
        .unwrap();
    assert_eq!(data, [0; 8]);
    memory.write_instance(&block, 4, b"instance").unwrap();
    let slice = booted.bar1().unwrap().slice(&owner, 2 * MIB).unwrap();
    let shown = slice.map(block.clone(), 0, 8 * KIB).unwrap();
    shown.read(4, &mut data).unwrap();
    assert_eq!(&data, b"instance");
    for (offset, len) in [
        (8 * KIB, 4),
        (8 * KIB - 4, 8),
        (2, 4),
        (0, 3),
        (u64::MAX - 3, 4),
    ] {
        assert!(memory
            .write_instance(&block, offset, &vec![0; len])
            .is_err());
    }
}

#[test]
fn a_slice_shows_its_owners_memory_and_else_its_dummy() {
    let booted = boot(model(5));
    let memory = booted.memory();
    memory.vram().scrub(&mut Believe, u64::MAX).unwrap();
    let bar1 = booted.bar1().unwrap();
    assert!(Arc::ptr_eq(&bar1, &booted.bar1().unwrap()));
    assert_eq!(booted.gpu().vram().size(), 0);
    assert!(booted.gpu().vram().read(0, &mut [0]).is_err());
    let owners = ["a", "b"].map(|name| memory.owner(name, Limits::UNLIMITED));
    let [a, b] = [0, 1].map(|at| bar1.slice(&owners[at], 8 * MIB).unwrap());
    assert!(
        a.window().is_none(),
        "the model's BAR is an image of VRAM, or nothing"
    );
    let read = |slice: &Slice<Model>, at: u64| {
        let mut data = [0xff; 4];
        slice.read(at, &mut data).unwrap();
        data
    };
    // A dummy is memory: the same everywhere in its slice, and in no other.
    a.write(100, b"mine").unwrap();
    assert_eq!(read(&a, 64 * KIB * 77 + 100), *b"mine");
    assert_eq!(read(&b, 100), [0; 4]);
    // 2 MiB and a page in all sizes of pages, and again after another mapping came and went.
    let object = alloc(memory, &owners[1], 2 * MIB + 4 * KIB);
    let mapping = b.map(object.clone(), 0, 2 * MIB + 4 * KIB).unwrap();
    let other = b.map(object.clone(), 60 * KIB, 8 * KIB).unwrap();
    other.write(0, b"page").unwrap();
    let mut data = [0; 4];
    mapping.read(60 * KIB, &mut data).unwrap();
    assert_eq!(&data, b"page");
    mapping.write(2 * MIB + 4 * KIB - 4, b"last").unwrap();
    let other_at = other.offset();
    drop(other);
    assert_eq!(read(&b, other_at), [0; 4]);
    mapping.read(60 * KIB, &mut data).unwrap();
    assert_eq!(&data, b"page");
    let at = mapping.offset();
    drop(mapping);
    assert_eq!(read(&b, at + 60 * KIB), [0; 4]);
    // What was written is in VRAM.
    let again = b.map(object, 0, 4 * KIB + 2 * MIB).unwrap();
    again.read(2 * MIB + 4 * KIB - 4, &mut data).unwrap();
    assert_eq!(&data, b"last");
    drop((again, a, b, bar1));
    assert_eq!(
        booted
            .bar1()
            .unwrap()
            .slice(&owners[0], 256 * MIB)
            .unwrap()
            .len(),
        256 * MIB
    );
    // The next boot starts with a BAR that is an image of VRAM again.
    let gpu = booted.unload().unwrap();
    assert_eq!(gpu.vram().size(), 0);
    let firmware = firmware::synthetic(Chipset::GA102);
    let booted = gpu.boot(&firmware, &BootOptions::default()).unwrap();
    assert_eq!(booted.gpu().vram().size(), 256 * MIB);
}

/// Everything that memory management does with the card once. Some of it may fail.
fn work<P: Pci>(booted: &Booted<P>, file: &Arc<std::fs::File>) -> Result<(), String> {
    let text = |error: &dyn std::error::Error| format!("{error}: {:?}", error.source());
    let memory = booted.memory();
    let owner = memory.owner("a", Limits::UNLIMITED);
    let scrubbed = memory.vram().scrub(&mut Believe, u64::MAX);
    scrubbed.map_err(|error| text(&error))?;
    let space = AddressSpace::new(memory, &owner, 0..1 << 49).map_err(|error| text(&error))?;
    let flags = MapFlags::default();
    let object = alloc(memory, &owner, 4 * MIB);
    let mapped = space.map(2 * MIB - 4 * KIB, object.clone(), 0, 4 * MIB, flags);
    let system = memory.alloc_system(&owner, Usage::Ring, 64 * KIB);
    let system = system.map_err(|error| text(&error))?;
    let ring = space.map(1 << 40, system, 0, 64 * KIB, flags);
    let guest = GuestMemory::new(memory, &owner, 1 << 30).map_err(|error| text(&error))?;
    let spec = RegionSpec {
        file: file.clone(),
        file_offset: 0,
        guest_address: 0,
        len: MIB,
    };
    guest.update(&[spec]).map_err(|error| text(&error))?;
    let pages = guest.pages([(0, 16 * KIB)]).map_err(|error| text(&error))?;
    let shared = space.map(64 * MIB, pages, 0, 16 * KIB, flags);
    let unmapped = space.unmap(3 * MIB, 64 * KIB);
    let bar1 = booted.bar1();
    let slice = bar1.and_then(|bar1| bar1.slice(&owner, 2 * MIB));
    let shown = slice.and_then(|slice| slice.map(object, 0, 64 * KIB));
    let result = shown.map_err(|error: Bar1Error| text(&error)).map(drop);
    let mappings = [mapped, ring, shared, unmapped].into_iter();
    let mappings = mappings
        .collect::<Result<(), _>>()
        .map_err(|error| text(&error));
    // A region whose mapping could not be taken away stays, and all that is an error.
    drop(space);
    let gone = guest.update(&[]).map_err(|error| text(&error)).map(drop);
    result.and(mappings).and(gone)
}

fn walk(fault: Fault) {
    let file = DmaMemory::new(MIB).unwrap().file().0.clone();
    let pci = Faulty::new(model(6));
    let booted = boot(pci.clone());
    pci.heal();
    work(&booted, &file).unwrap();
    let accesses = pci.accesses();
    booted.unload().unwrap();
    // A write that is lost is not noticed.
    let is_worthwhile = |at: &usize| fault != Fault::AllOnes || !accesses[*at].is_write;
    let numbers: Vec<_> = (0..accesses.len()).filter(is_worthwhile).collect();
    let mut errors = 0;
    // Some of each part of the work; which ones they are is of no importance.
    for &number in numbers.iter().step_by(numbers.len() / 10 + 1) {
        let booted = boot(pci.clone());
        pci.plan(number, fault);
        let result = work(&booted, &file);
        errors += usize::from(result.is_err());
        pci.heal();
        // Nothing of a space that failed is lost for good: it is there for the next owner once
        // the TLBs can be told.
        let vram = booted.memory().vram().figures();
        let sum = vram.clean + vram.unscrubbed + vram.released + vram.owned;
        assert_eq!(sum, vram.total, "{fault:?} at {number}: {result:?}");
        drop(booted);
        assert_eq!(pci.mapped(), 0, "{fault:?} at {number}: {result:?}");
        pci.heal();
    }
    assert!(errors > 0, "{fault:?} is never noticed");
}

#[test]
fn the_card_falls_off_the_bus() {
    walk(Fault::OffTheBus);
}

#[test]
fn a_register_reads_all_ones() {
    walk(Fault::AllOnes);
}

#[test]
fn an_access_fails() {
    walk(Fault::Error);
}

#[test]
fn memory_waits_for_tlbs_that_are_not_invalidated() {
    let invalidate = u64::from(NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE::OFFSET);
    let pci = Faulty::new(model(8));
    let booted = boot(pci.clone());
    let memory = booted.memory();
    memory.vram().scrub(&mut Believe, u64::MAX).unwrap();
    let owner = memory.owner("a", Limits::UNLIMITED);
    let space = || AddressSpace::new(memory, &owner, 0..1 << 40).unwrap();
    let (first, second) = (space(), space());
    let map = |space: &AddressSpace<_>| {
        let object = alloc(memory, &owner, MIB);
        space.map(0, object, 0, MIB, MapFlags::default()).unwrap();
    };
    map(&first);
    map(&second);
    second.unmap(0, MIB).unwrap();
    memory.vram().scrub(&mut Believe, u64::MAX).unwrap();
    let owned = memory.vram().figures().owned;
    pci.stick(invalidate, 1 << 31);
    assert!(first.unmap(0, MIB).is_err());
    assert!(matches!(first.map_sparse(0, MIB), Err(MapError::Lost)));
    let figures = memory.vram().figures();
    assert_eq!((figures.owned, figures.released), (owned, 0));
    drop(first);
    assert_eq!(memory.vram().figures().released, 0);
    pci.heal();
    map(&second);
    // The object of the first space, its tables, and its root.
    assert!(memory.vram().figures().released >= MIB + 8 * KIB);
    assert_eq!(owner.used_for(Resource::AddressSpaces, Usage::Count), 1);
}

#[test]
fn what_outlives_the_gpu_gives_its_memory_back_without_it() {
    let booted = boot(model(7));
    let memory = booted.memory().clone();
    memory.vram().scrub(&mut Believe, u64::MAX).unwrap();
    let owner = memory.owner("a", Limits::UNLIMITED);
    let space = AddressSpace::new(&memory, &owner, 0..1 << 40).unwrap();
    let object = alloc(&memory, &owner, MIB);
    let flags = MapFlags::default();
    space.map(0, object.clone(), 0, MIB, flags).unwrap();
    let gpu = booted.unload().unwrap();
    gpu.vram().write(0, &[0xaa; 64]).unwrap();
    let error = space.map(MIB, object, 0, MIB, flags).unwrap_err();
    assert_eq!(error.to_string(), "the page tables could not be changed");
    drop(space);
    let mut data = [0; 64];
    gpu.vram().read(0, &mut data).unwrap();
    assert_eq!(data, [0xaa; 64]);
    let figures = memory.vram().figures();
    assert_eq!(figures.owned, 0);
    assert!(figures.released > MIB);
}
