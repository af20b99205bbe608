// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is mapped in an address space: ranges that do not overlap, each with what it holds.
//!
//! The device has the tables; here it is only known what must stay in place. Pure, and tested in the hosted home.

use core::ops::Range;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, AllocError, KVec},
    error::Result,
};

/// A range of GPU virtual addresses, and what it maps.
struct Mapping<T> {
    range: Range<u64>,
    holds: T,
}

/// The mappings of an address space.
///
/// # Invariants
///
/// Sorted; ranges are not empty and do not overlap.
pub(crate) struct Mappings<T> {
    list: KVec<Mapping<T>>,
}

impl<T: Clone> Mappings<T> {
    pub(crate) const fn new() -> Self {
        Self { list: KVec::new() }
    }

    /// Makes room for so many changes, which then do not fail. Sleeps.
    pub(crate) fn reserve(&mut self, changes: usize) -> Result<(), AllocError> {
        // A change cuts one mapping in two at most, and adds one.
        self.list.reserve(changes.saturating_mul(2), GFP_KERNEL)
    }

    /// Index of the first mapping that ends above `addr`.
    fn first_above(&self, addr: u64) -> usize {
        self.list
            .partition_point(|mapping| mapping.range.end <= addr)
    }

    /// What is mapped in a range.
    pub(crate) fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = &T> {
        let from = self.first_above(range.start);
        let rest = self.list.get(from..).unwrap_or_default();
        let there = rest
            .iter()
            .take_while(move |mapping| mapping.range.start < range.end);
        there.map(|mapping| &mapping.holds)
    }

    /// Removes what is mapped in a range; what sticks out stays. There was room made.
    pub(crate) fn unmap(&mut self, range: Range<u64>) {
        let mut at = self.first_above(range.start);
        while let Some(mapping) = self.list.get_mut(at) {
            if mapping.range.start >= range.end {
                break;
            }
            let Range { start, end } = mapping.range;
            let (before, after) = (start < range.start, end > range.end);
            match (before, after) {
                (true, true) => {
                    mapping.range.end = range.start;
                    let rest = Mapping {
                        range: range.end..end,
                        holds: mapping.holds.clone(),
                    };
                    let _ = self.list.insert_within_capacity(at + 1, rest);
                    break;
                }
                (true, false) => mapping.range.end = range.start,
                (false, true) => mapping.range.start = range.end,
                (false, false) => {
                    let _ = self.list.remove(at);
                    continue;
                }
            }
            at += 1;
        }
    }

    /// Maps a range, which is not empty, over whatever there is. There was room made.
    pub(crate) fn map(&mut self, range: Range<u64>, holds: T) {
        self.unmap(range.clone());
        let at = self.first_above(range.start);
        let _ = self
            .list
            .insert_within_capacity(at, Mapping { range, holds });
    }
}

#[cfg(all(test, home = "hosted"))]
mod tests {
    extern crate std;

    use super::*;
    use std::{collections::BTreeMap, vec::Vec};

    /// Every page of a small space, as the list says.
    fn pages(mappings: &Mappings<u32>) -> BTreeMap<u64, u32> {
        let mut pages = BTreeMap::new();
        let mut end = 0;
        for mapping in mappings.list.iter() {
            assert!(mapping.range.start >= end && mapping.range.end > mapping.range.start);
            end = mapping.range.end;
            for page in mapping.range.clone() {
                pages.insert(page, mapping.holds);
            }
        }
        pages
    }

    /// xorshift64
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % end
        }
    }

    #[test]
    fn the_list_is_what_a_table_of_pages_is() {
        let mut random = Random(7);
        for _ in 0..50 {
            let mut mappings = Mappings::new();
            let mut table = BTreeMap::new();
            for step in 0..60 {
                let start = random.below(60);
                let range = start..start + 1 + random.below(64 - start);
                let mut there: Vec<u32> = mappings.overlapping(range.clone()).copied().collect();
                let mut held: Vec<u32> = range
                    .clone()
                    .filter_map(|page| table.get(&page))
                    .copied()
                    .collect();
                held.dedup();
                there.dedup();
                assert_eq!(there, held);
                mappings.reserve(1).unwrap();
                if random.below(3) > 0 {
                    mappings.map(range.clone(), step);
                    table.extend(range.map(|page| (page, step)));
                } else {
                    mappings.unmap(range.clone());
                    table.retain(|page, _| !range.contains(page));
                }
                assert_eq!(pages(&mappings), table);
            }
        }
    }
}
