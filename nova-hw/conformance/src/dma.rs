// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory for the device.

use nova_pci::{DmaMemory, Pci, PciError, PAGE_SIZE};

use crate::check::{ensure, say, Outcome};

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
