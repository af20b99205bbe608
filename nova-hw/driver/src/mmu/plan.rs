// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Which tables there have to be, and reserving those that are missing. It changes nothing that
//! cannot be taken back.

use std::{collections::BTreeMap, ops::Range};

use nova_spec::gmmu::HUGE_PAGE;

use super::{
    pool::Slot,
    records::Records,
    shape::{shape, touched, Shape},
    tables::{dir_key, Block, DirKey, Tables, DIRS},
};
use crate::mem::{VideoMemory, VramError};

/// For whom a page of tables is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableOf {
    /// All of the space may use it.
    Space,
    /// Only the range that is mapped, and what is in the same block.
    Range,
}

/// What becomes of a block.
pub(super) struct BlockPlan {
    /// Its first address.
    pub(super) va: u64,
    /// The 64 KiB of it in which records have changed.
    pub(super) touched: u32,
    pub(super) shape: Shape,
    /// New tables.
    pub(super) big: Option<Slot>,
    pub(super) small: Option<VideoMemory>,
}

/// What becomes of a range, with everything that this needs.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) blocks: Vec<BlockPlan>,
    /// New directories.
    pub(super) dirs: BTreeMap<DirKey, VideoMemory>,
}

impl Plan {
    /// Plans for a range in which the records have changed; `alloc` gives pages of VRAM.
    pub(super) fn new(
        tables: &mut Tables,
        records: &Records,
        range: &Range<u64>,
        mut alloc: impl FnMut(TableOf) -> Result<VideoMemory, VramError>,
    ) -> Result<Self, VramError> {
        let mut plan = Self::default();
        match plan.add_blocks(tables, records, range, &mut alloc) {
            Ok(()) => Ok(plan),
            Err(error) => {
                plan.give_back(tables);
                Err(error)
            }
        }
    }

    /// Nothing of it has been used.
    fn give_back(self, tables: &mut Tables) {
        let mut pages: Vec<_> = self.dirs.into_values().collect();
        for block in self.blocks {
            pages.extend(block.small);
            pages.extend(block.big.and_then(|slot| tables.pool.put(slot)));
        }
        pages.into_iter().for_each(VideoMemory::give_back);
    }

    fn add_blocks(
        &mut self,
        tables: &mut Tables,
        records: &Records,
        range: &Range<u64>,
        alloc: &mut impl FnMut(TableOf) -> Result<VideoMemory, VramError>,
    ) -> Result<(), VramError> {
        let (first, last) = (range.start / HUGE_PAGE, (range.end - 1) / HUGE_PAGE);
        let mut next = first;
        while next <= last {
            let va = next * HUGE_PAGE;
            let old = tables.blocks.get(&next);
            let touched = touched(va, range);
            let shape = shape(records, va, touched, old, tables.always_big);
            if old.is_none() && shape == Shape::EMPTY {
                // Nothing is, and nothing was: on to where there is something.
                let mapped = records.parts(va..range.end).next().map(|it| it.range.start);
                let built = tables.blocks.range(next..=last).next().map(|(&at, _)| at);
                let mapped = mapped.map(|va| va / HUGE_PAGE);
                match mapped.into_iter().chain(built).min() {
                    Some(found) => next = found.max(next + 1),
                    None => break,
                }
                continue;
            }
            let missing = Block::state(old).missing(shape, tables.always_big);
            if shape != Shape::EMPTY {
                self.add_dirs(tables, va, alloc)?;
            }
            // The slot comes last: only the pool can take it back.
            let small = missing.1.then(|| alloc(TableOf::Range)).transpose()?;
            let big = missing
                .0
                .then(|| tables.pool.take(|| alloc(TableOf::Space)));
            let (small, big) = match big.transpose() {
                Ok(big) => (small, big),
                Err(error) => {
                    small.into_iter().for_each(VideoMemory::give_back);
                    return Err(error);
                }
            };
            self.blocks.push(BlockPlan {
                va,
                touched,
                shape,
                big,
                small,
            });
            next += 1;
        }
        Ok(())
    }

    fn add_dirs(
        &mut self,
        tables: &Tables,
        va: u64,
        alloc: &mut impl FnMut(TableOf) -> Result<VideoMemory, VramError>,
    ) -> Result<(), VramError> {
        for (level, parent) in DIRS {
            let key = dir_key(level, parent, va);
            if tables.dirs.contains_key(&key) || self.dirs.contains_key(&key) {
                // So are those above it.
                return Ok(());
            }
            self.dirs.insert(key, alloc(TableOf::Space)?);
        }
        Ok(())
    }
}
