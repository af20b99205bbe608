// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Which pages a block of 2 MiB gets: the largest that alignment allows.

use std::ops::Range;

use nova_spec::gmmu::{BIG_PAGE, HUGE_PAGE};

use super::{records::Records, tables::Block};
use crate::mem::PageSize;

/// What a block is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One entry of PD0.
    Huge,
    /// Tables. A bit for each 64 KiB says in which it has entries; without either nothing is
    /// mapped.
    Tables { big: u32, small: u32 },
}

impl Shape {
    /// Nothing is mapped.
    pub(super) const EMPTY: Self = Self::Tables { big: 0, small: 0 };

    /// Which tables there have to be: big, small.
    pub(super) fn tables(self, always_big: bool) -> (bool, bool) {
        match self {
            Self::Huge | Self::EMPTY => (false, false),
            Self::Tables { big, small } => (big != 0 || always_big, small != 0),
        }
    }
}

/// The 64 KiB of a block that a range touches.
pub(super) fn touched(block: u64, range: &Range<u64>) -> u32 {
    let start = range.start.max(block) - block;
    let end = range.end.min(block + HUGE_PAGE) - block;
    let (first, last) = (start / BIG_PAGE, (end - 1) / BIG_PAGE);
    (u32::MAX << first) & (u32::MAX >> (31 - last))
}

/// The shape of a block after the records have changed in what is `touched`.
pub(super) fn shape(
    records: &Records,
    block: u64,
    touched: u32,
    old: Option<&Block>,
    never_huge: bool,
) -> Shape {
    if !never_huge && touched == u32::MAX && records.entry(block, PageSize::Huge).is_some() {
        return Shape::Huge;
    }
    let (mut big, mut small) = match old {
        None => (0, 0),
        // What stays of a huge page becomes small ones: that switch is one write.
        Some(Block::Huge) => (0, !touched),
        Some(Block::Tables(tables)) => (tables.big_pages & !touched, tables.small_pages & !touched),
    };
    for index in (0..32u32).filter(|index| touched >> index & 1 != 0) {
        let va = block + u64::from(index) * BIG_PAGE;
        if records.entry(va, PageSize::Big).is_some() {
            big |= 1 << index;
        } else if !records.is_free(va..va + BIG_PAGE) {
            small |= 1 << index;
        }
    }
    Shape::Tables { big, small }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_64_kib_that_a_range_touches_has_a_bit() {
        let block = 6 * HUGE_PAGE;
        let at = |start, end| touched(block, &(block + start..block + end));
        assert_eq!(at(0, 1), 1);
        assert_eq!(at(BIG_PAGE - 1, BIG_PAGE + 1), 3);
        assert_eq!(at(0, HUGE_PAGE), u32::MAX);
        assert_eq!(at(HUGE_PAGE - 1, HUGE_PAGE), 1 << 31);
        assert_eq!(touched(block, &(0..block + BIG_PAGE)), 1);
        assert_eq!(touched(block, &(block + 31 * BIG_PAGE..1 << 49)), 1 << 31);
    }
}
