// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What an operation may need, so that a bind that was accepted does not fail for want of it.

/// What the last level of tables covers.
const BLOCK: u64 = 2 << 20;
/// A table of small pages, and one of big pages.
const BLOCK_TABLES: u64 = 2 * TABLE;
/// What a directory of the next level covers (PD0).
const PD0: u64 = 512 << 20;
/// And of the level above (PD1).
const PD1: u64 = 256 << 30;
const TABLE: u64 = 4096;

/// Mappings that an operation adds at most: itself, and the other half of one that it splits.
pub const MAPPINGS: u64 = 2;

/// Bytes of page tables that an operation on a range needs at most. Only the blocks at its ends can
/// need tables of small pages beyond those of the memory itself, which may be scattered: so every block
/// counts.
pub fn tables(addr: u64, length: u64) -> u64 {
    let covers = |size: u64| (addr + length - 1) / size - addr / size + 1;
    covers(BLOCK) * BLOCK_TABLES + (covers(PD0) + covers(PD1) + 1) * TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_and_directory_that_is_touched_counts() {
        assert_eq!(tables(4 << 30, 4096), 5 * TABLE);
        // Across the end of everything.
        assert_eq!(tables((256 << 30) - 4096, 8192), (4 + 2 + 2 + 1) * TABLE);
        assert_eq!(tables(4 << 30, 1 << 30), (1024 + 2 + 1 + 1) * TABLE);
    }
}
