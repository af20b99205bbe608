// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory for the device.

use nova_pci::{DmaMemory, Pci, PciError, PAGE_SIZE};

use crate::{
    check::{ensure, say, Outcome},
    copy::{Copier, BLOCK},
};

/// A bus address, on a page, with room for `len` bytes.
///
/// # Errors
/// When no range has the room.
pub fn dma_address<P: Pci>(pci: &P, len: u64) -> Result<u64, String> {
    let ranges = pci.dma_ranges().map_err(say("ask for the DMA ranges"))?;
    let mut starts = ranges.iter().filter_map(|range| {
        // Not at 0, which is what a forgotten address looks like.
        let start = range
            .start()
            .max(&PAGE_SIZE)
            .checked_next_multiple_of(PAGE_SIZE)?;
        let last = start.checked_add(len)?.checked_sub(1)?;
        (last <= *range.end()).then_some(start)
    });
    starts
        .next()
        .ok_or(format!("no range of {ranges:x?} has {len:#x} bytes"))
}

pub(crate) fn addresses<P: Pci>(pci: &P) -> Outcome {
    let ranges = pci.dma_ranges().map_err(say("ask for the DMA ranges"))?;
    ensure!(!ranges.is_empty(), "there are no DMA ranges");
    for pair in ranges.windows(2) {
        ensure!(
            pair[0].end() < pair[1].start(),
            "{ranges:x?} are not ascending"
        );
    }
    let memory = DmaMemory::new(2 * PAGE_SIZE).map_err(say("get memory"))?;
    let start = dma_address(pci, 4 * PAGE_SIZE)?;
    let kept = pci
        .dma_map(start + PAGE_SIZE, &memory)
        .map_err(say("map"))?;
    let refused = |what: &str, at: u64| match pci.dma_map(at, &memory) {
        Err(PciError::DmaAddress { .. }) => Ok(()),
        Ok(_) => Err(format!("{what}: {at:#x} can be mapped")),
        Err(error) => Err(format!("{what}: {at:#x}: {error:?}")),
    };
    refused("the same address", start + PAGE_SIZE)?;
    refused("over its start", start)?;
    refused("over its end", start + 2 * PAGE_SIZE)?;
    refused("not on a page", start + 3 * PAGE_SIZE + 1)?;
    refused("past the end of addresses", u64::MAX - PAGE_SIZE + 1)?;
    let beyond = ranges.last().and_then(|range| range.end().checked_add(1));
    if let Some(beyond) = beyond {
        refused("past the last range", beyond)?;
    }
    drop(kept);
    Ok(())
}

pub(crate) fn map_again<P: Pci>(pci: &P) -> Outcome {
    let start = dma_address(pci, 8 * PAGE_SIZE)?;
    for round in 0..3 {
        let memory = DmaMemory::new(PAGE_SIZE).map_err(say("get memory"))?;
        let first = pci
            .dma_map(start, &memory)
            .map_err(say(format!("round {round}")))?;
        // The same memory at two addresses.
        let second = pci.dma_map(start + PAGE_SIZE, &memory);
        drop((first, second.map_err(say(format!("round {round}")))?));
    }
    Ok(())
}

/// Pages of test memory: what is copied, where to, and one between them that is never shown.
const SOURCE: u64 = 0;
const GAP: u64 = PAGE_SIZE;
const TARGET: u64 = 2 * PAGE_SIZE;

/// A block that says where it is from.
fn pattern(seed: u8) -> [u8; BLOCK] {
    std::array::from_fn(|at| (at as u8).wrapping_mul(3) ^ seed)
}

fn block(memory: &DmaMemory) -> Result<[u8; BLOCK], String> {
    let mut block = [0; BLOCK];
    memory.read(0, &mut block).map_err(say("read memory"))?;
    Ok(block)
}

fn page(seed: u8) -> Result<std::sync::Arc<DmaMemory>, String> {
    let memory = DmaMemory::new(PAGE_SIZE).map_err(say("get memory"))?;
    memory
        .write(0, &pattern(seed))
        .map_err(say("write memory"))?;
    Ok(memory)
}

pub(crate) fn reaches_what_is_mapped<P: Pci>(pci: &P) -> Outcome {
    let start = dma_address(pci, 3 * PAGE_SIZE)?;
    let (source, target) = (page(1)?, page(2)?);
    let first = pci.dma_map(start + SOURCE, &source).map_err(say("map"))?;
    let second = pci.dma_map(start + TARGET, &target).map_err(say("map"))?;
    Copier::new(pci)?.copy(start + SOURCE, start + TARGET)?;
    ensure!(
        block(&target)? == pattern(1),
        "the device did not copy a block"
    );
    ensure!(
        block(&source)? == pattern(1),
        "the device changed what it read"
    );
    drop((first, second));
    Ok(())
}

/// Reads and writes, beside a map and where one was.
pub(crate) fn reaches_no_more<P: Pci>(pci: &P) -> Outcome {
    let start = dma_address(pci, 3 * PAGE_SIZE)?;
    let (source, gap, target) = (page(1)?, page(3)?, page(2)?);
    let first = pci.dma_map(start + SOURCE, &source).map_err(say("map"))?;
    let second = pci.dma_map(start + TARGET, &target).map_err(say("map"))?;
    let copier = Copier::new(pci)?;
    copier.copy(start + SOURCE, start + GAP)?;
    let between = pci.dma_map(start + GAP, &gap).map_err(say("map"))?;
    ensure!(
        block(&gap)? == pattern(3),
        "the device wrote where nothing was mapped"
    );
    drop(between);
    copier.copy(start + GAP, start + TARGET)?;
    let copied = block(&target)?;
    ensure!(
        copied != pattern(3),
        "the device read memory that was taken from it"
    );
    target.write(0, &pattern(2)).map_err(say("write memory"))?;
    drop(second);
    copier.copy(start + SOURCE, start + TARGET)?;
    ensure!(
        block(&target)? == pattern(2),
        "the device wrote memory that was taken from it"
    );
    drop(first);
    Ok(())
}

pub(crate) fn needs_bus_mastering<P: Pci>(pci: &P) -> Outcome {
    let start = dma_address(pci, 3 * PAGE_SIZE)?;
    let (source, target) = (page(1)?, page(2)?);
    let first = pci.dma_map(start + SOURCE, &source).map_err(say("map"))?;
    let second = pci.dma_map(start + TARGET, &target).map_err(say("map"))?;
    let copier = Copier::new(pci)?;
    crate::check::enable_memory(pci)?;
    copier.copy(start + SOURCE, start + TARGET)?;
    ensure!(
        block(&target)? == pattern(2),
        "the device wrote and was no bus master"
    );
    drop((first, second));
    Ok(())
}
