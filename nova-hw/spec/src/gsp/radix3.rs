// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The page tables through which the booter finds GSP-RM's image in system memory: level 0 is
//! one page that leads to the pages of level 1, they to those of level 2, they to those of the
//! image. An entry is a bus address of 64 bits; what is past the last is 0.

use super::GSP_PAGE_SIZE;
use crate::error::FormatError;

/// Entries in a page.
pub const ENTRIES: u64 = GSP_PAGE_SIZE / 8;

/// How many pages each level of an image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radix3 {
    /// Pages of the image.
    pub image: u64,
    /// Pages of level 2, an entry a page of the image.
    pub level2: u64,
    /// Pages of level 1, an entry a page of level 2.
    pub level1: u64,
}

impl Radix3 {
    /// The tables of an image of `size` bytes: at least 1, at most 512 GiB.
    pub fn for_size(size: u64) -> Result<Self, FormatError> {
        let image = size.div_ceil(GSP_PAGE_SIZE);
        let level2 = image.div_ceil(ENTRIES);
        let level1 = level2.div_ceil(ENTRIES);
        if size == 0 || level1 > ENTRIES {
            let expected = "1 byte to 512 GiB";
            return Err(FormatError::value("size of GSP-RM's image", size, expected));
        }
        Ok(Self {
            image,
            level2,
            level1,
        })
    }

    /// Bytes of all levels together: level 0, 1 and 2 in this order.
    pub fn tables_size(&self) -> u64 {
        (1 + self.level1 + self.level2) * GSP_PAGE_SIZE
    }

    /// The entries that lead to a page of the image: its indices in level 0, in the page of
    /// level 1 and in the page of level 2.
    pub fn path(page: u64) -> [u64; 3] {
        let (level1, in_level2) = (page / ENTRIES, page % ENTRIES);
        [level1 / ENTRIES, level1 % ENTRIES, in_level2]
    }
}

/// Writes entries into the pages of a level: `table` is zeroed past the last of `addresses`,
/// and takes no more than it has room for. Returns how many it took.
pub fn write_entries(table: &mut [u8], addresses: impl IntoIterator<Item = u64>) -> usize {
    table.fill(0);
    let places = table.chunks_exact_mut(8);
    let mut taken = 0;
    for (place, address) in places.zip(addresses) {
        place.copy_from_slice(&address.to_le_bytes());
        taken += 1;
    }
    taken
}
