// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What mapping 1 GiB costs, in pages of each size, and with few and many objects in the space:
//! `cargo bench -p nova-driver --bench mapping`.
//!
//! Each figure is the time of one `map`, beside the time that writing the same entries takes, in
//! this run: through the same window, as whole tables, without anything else. Blocks of the two
//! take turns.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use nova_driver::{
    mem::{
        Backing, Extents, Limits, MemoryManager, Owner, PageSize, ScrubError, Scrubber, Usage,
        VideoMemory, VramRequest,
    },
    mmu::{AddressSpace, MapFlags},
    BootOptions, FirmwareSet, Gpu,
};
use nova_model::Model;
use nova_spec::{firmware::set::Synthetic, Chipset};

const GIB: u64 = 1 << 30;
/// Where the measured mappings are; aligned to everything.
const PLACE: u64 = 1 << 40;
/// Where the other objects are.
const OTHERS: u64 = 1 << 30;
const ROUNDS: usize = 9;

type Error = Box<dyn std::error::Error>;

/// Says that VRAM is zero: that of a new model is.
struct Believe;

impl Scrubber for Believe {
    fn scrub(&mut self, _: &Extents) -> Result<(), ScrubError> {
        Ok(())
    }
}

fn main() -> Result<(), Error> {
    let chipset = Chipset::GA102;
    let files = Synthetic::default().files(chipset)?.into_iter();
    let folder = chipset.firmware_folder();
    let firmware: FirmwareSet = files
        .map(|file| (format!("{folder}/{}", file.name), file.content))
        .collect();
    let gpu = Gpu::probe(Model::builder().vram(6 * GIB).build()?)?;
    let booted = gpu.boot(&firmware, &BootOptions::default())?;
    let memory = booted.memory();
    memory.vram().scrub(&mut Believe, u64::MAX)?;

    println!("mapping 1 GiB, and its entries alone; medians of {ROUNDS}");
    println!("| pages | objects | entries | map | entries alone | ratio |");
    println!("|---|---|---|---|---|---|");
    for objects in [10, 1_000, 100_000] {
        let owner = memory.owner("bench", Limits::UNLIMITED);
        let space = AddressSpace::new(memory, &owner, 0..1 << 48)?;
        fill(memory, &owner, &space, objects)?;
        let object = memory
            .vram()
            .alloc(&owner, &VramRequest::buffer(2 * GIB).contiguous())?;
        for page in PageSize::ALL.into_iter().rev() {
            measure(memory, &owner, &space, &object, page, objects)?;
        }
        drop((space, object));
        memory.vram().scrub(&mut Believe, u64::MAX)?;
    }
    booted.unload()?;
    Ok(())
}

/// Maps this many objects of a page, each apart from the next.
fn fill(
    memory: &MemoryManager<Model>,
    owner: &Owner,
    space: &AddressSpace<Model>,
    objects: u64,
) -> Result<(), Error> {
    let page = VramRequest::buffer(4096);
    let object = memory.vram().alloc(owner, &page)?;
    for at in 0..objects {
        let va = OTHERS + at * 8192;
        space.map(va, object.clone(), 0, 4096, MapFlags::default())?;
    }
    Ok(())
}

fn measure(
    memory: &MemoryManager<Model>,
    owner: &Owner,
    space: &AddressSpace<Model>,
    object: &Arc<VideoMemory>,
    page: PageSize,
    objects: u64,
) -> Result<(), Error> {
    // The address is as aligned to the memory as the size of page needs, and no more.
    let skew = match page {
        PageSize::Huge => 0,
        PageSize::Big => PageSize::Big.bytes(),
        PageSize::Small => PageSize::Small.bytes(),
    };
    let va = PLACE + object.address() % PageSize::Huge.bytes() + skew;
    let entries = GIB / page.bytes();
    let bytes = match page {
        PageSize::Huge => entries * 16,
        _ => entries * 8,
    };
    let table = memory.alloc_instance(owner, Usage::PageTables, 4096)?;
    let content = vec![0u8; 4096];
    let (mut maps, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        space.map(va, object.clone(), 0, GIB, MapFlags::default())?;
        maps.push(start.elapsed());
        space.unmap(va, GIB)?;
        memory.vram().scrub(&mut Believe, u64::MAX)?;
        let start = Instant::now();
        for _ in 0..bytes.div_ceil(4096) {
            memory.write_instance(&table, 0, black_box(&content))?;
        }
        alone.push(start.elapsed());
    }
    let (map, alone) = (median(maps), median(alone));
    let ratio = map.as_secs_f64() / alone.as_secs_f64();
    let size = page.bytes() >> 10;
    println!("| {size} KiB | {objects} | {entries} | {map:.1?} | {alone:.1?} | {ratio:.2} |");
    assert_eq!(object.extents().count(), 1);
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
