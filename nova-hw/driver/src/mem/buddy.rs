// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Free frames of VRAM, by buddies: `buddy_system_allocator` with ranges of any length on top.

use std::ops::Range;

use buddy_system_allocator::FrameAllocator;

use super::extent::{Extent, Extents};

/// Bytes of a frame, the least that is allocated.
pub(super) const FRAME: u64 = 4096;
/// Blocks are of up to 2^(ORDERS - 1) frames, 64 TiB.
const ORDERS: usize = 35;

/// A set of frames.
pub(crate) struct Buddy {
    frames: FrameAllocator<ORDERS>,
    free: u64,
}

impl Buddy {
    /// The frames of these ranges, which do not overlap and are of whole frames.
    pub(crate) fn full(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let (mut frames, mut free) = (FrameAllocator::new(), 0);
        for range in ranges {
            let (first, end) = (range.start / FRAME, range.end / FRAME);
            frames.add_frame(first as usize, end as usize);
            free += (end - first) * FRAME;
        }
        Self { frames, free }
    }

    /// No frames, and room for those of these ranges.
    pub(super) fn empty(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        // The crate wants back only what it gave away.
        let mut buddy = Self::full(ranges);
        while buddy.take_largest(u64::MAX).is_some() {}
        buddy
    }

    /// Bytes that are free.
    pub(super) fn free(&self) -> u64 {
        self.free
    }

    /// One block of a power of two of bytes, aligned to that; at most `limit`.
    pub(super) fn take_largest(&mut self, limit: u64) -> Option<Extent> {
        let most = (limit / FRAME).min(self.free / FRAME);
        let top = most.checked_ilog2()?.min(ORDERS as u32 - 1);
        (0..=top).rev().find_map(|order| self.block(order))
    }

    fn block(&mut self, order: u32) -> Option<Extent> {
        let first = self.frames.alloc(1 << order)?;
        let len = FRAME << order;
        self.free -= len;
        Some(Extent {
            address: first as u64 * FRAME,
            len,
        })
    }

    /// `len` bytes in one piece, aligned to `page`. Both are whole frames, `page` a power of
    /// two.
    pub(crate) fn contiguous(&mut self, len: u64, page: u64) -> Option<Extent> {
        let order = (len.max(page) / FRAME).checked_next_power_of_two()?.ilog2();
        if order as usize >= ORDERS {
            return None;
        }
        let block = self.block(order)?;
        let (address, rest) = (block.address, block.len - len);
        self.put(Extent {
            address: address + len,
            len: rest,
        });
        Some(Extent { address, len })
    }

    /// `len` bytes in pieces of whole pages, the larger ones first, so that each piece is as
    /// aligned in the object as it is in memory. `None` when there are not enough; then none
    /// are taken.
    pub(super) fn scattered(&mut self, len: u64, page: u64) -> Option<Extents> {
        if len > self.free {
            return None;
        }
        let least = (page / FRAME).ilog2();
        let mut order = (len / FRAME).checked_ilog2()?.min(ORDERS as u32 - 1);
        let mut taken = Vec::new();
        let mut missing = len;
        while missing > 0 {
            order = order.min((missing / FRAME).ilog2());
            match self.block(order) {
                Some(block) => {
                    missing -= block.len;
                    taken.push(block);
                }
                None if order > least => order -= 1,
                None => {
                    taken.into_iter().for_each(|block| self.put(block));
                    return None;
                }
            }
        }
        let mut extents = Extents::new();
        for block in taken {
            // No block is empty, and together they are no more than there is.
            let _ = extents.push(block);
        }
        Some(extents)
    }

    /// Gives frames back.
    pub(crate) fn put(&mut self, extent: Extent) {
        let (mut first, end) = (extent.address / FRAME, extent.end() / FRAME);
        while first < end {
            let aligned = match first {
                0 => ORDERS as u32 - 1,
                _ => first.trailing_zeros(),
            };
            let order = aligned.min((end - first).ilog2()).min(ORDERS as u32 - 1);
            self.frames.dealloc(first as usize, 1 << order);
            self.free += FRAME << order;
            first += 1 << order;
        }
    }
}

#[cfg(test)]
#[path = "buddy_tests.rs"]
mod tests;
