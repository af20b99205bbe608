// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The tables that there are, and which block and directory has which.

use std::collections::BTreeMap;

use nova_spec::gmmu::Level;

use super::{
    pool::{Pool, Slot},
    shape::Shape,
};
use crate::mem::VideoMemory;

/// A directory by its level and by the number of its entry among all of the level above.
pub(super) type DirKey = (Level, u64);

/// The levels of directories below the root, with the level that leads to each, from the lowest.
pub(super) const DIRS: [(Level, Level); 3] = [
    (Level::Pd0, Level::Pd1),
    (Level::Pd1, Level::Pd2),
    (Level::Pd2, Level::Pd3),
];

/// The directory of this level that an address is in.
pub(super) fn dir_key(level: Level, parent: Level, va: u64) -> DirKey {
    (level, va >> parent.shift())
}

/// A directory.
pub(super) struct Dir {
    pub(super) page: VideoMemory,
    /// Entries that lead somewhere.
    pub(super) used: u32,
}

/// The tables of a block.
#[derive(Default)]
pub(super) struct BlockTables {
    pub(super) big: Option<Slot>,
    pub(super) small: Option<VideoMemory>,
    /// The 64 KiB that are big pages.
    pub(super) big_pages: u32,
    /// The 64 KiB with small pages.
    pub(super) small_pages: u32,
}

/// A block of 2 MiB in which something is mapped.
pub(super) enum Block {
    /// A huge page.
    Huge,
    /// Smaller ones.
    Tables(Box<BlockTables>),
}

impl Block {
    /// What it is made of, without the tables themselves.
    pub(super) fn state(block: Option<&Self>) -> State {
        match block {
            None => State::default(),
            Some(Self::Huge) => State {
                is_huge: true,
                ..State::default()
            },
            Some(Self::Tables(tables)) => State {
                is_huge: false,
                big: tables.big.as_ref().map(Slot::address),
                small: tables.small.as_ref().map(VideoMemory::address),
                big_pages: tables.big_pages,
                small_pages: tables.small_pages,
            },
        }
    }
}

/// Where a block's tables are, and what is in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) is_huge: bool,
    pub(super) big: Option<u64>,
    pub(super) small: Option<u64>,
    pub(super) big_pages: u32,
    pub(super) small_pages: u32,
}

impl State {
    /// Which new tables a block needs for a shape: big, small.
    pub(super) fn missing(&self, shape: Shape, always_big: bool) -> (bool, bool) {
        let (big, small) = shape.tables(always_big);
        (big && self.big.is_none(), small && self.small.is_none())
    }
}

/// All tables of a space but the root.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dirs: BTreeMap<DirKey, Dir>,
    /// By address divided by 2 MiB.
    pub(super) blocks: BTreeMap<u64, Block>,
    pub(super) pool: Pool,
    /// There are no huge pages, and every block has a big table.
    pub(super) always_big: bool,
}
