// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Carrying a plan out. Only the card can make it fail.
//!
//! What does not change stays reachable throughout: tables are filled before anything leads to
//! them, and where pages of one size become pages of another, the new entries are there before
//! the old ones go.

use std::{collections::BTreeMap, ops::Range};

use nova_pci::Pci;
use nova_spec::gmmu::{BigPde, Level, Pde, PdeAperture, BIG_PAGE, HUGE_PAGE, SMALL_PAGE};

use super::{
    entries::Entries,
    plan::{BlockPlan, Plan},
    pool::Slot,
    records::{Records, Replaced},
    shape::Shape,
    tables::{dir_key, Block, Dir, DirKey, State, Tables, DIRS},
};
use crate::{
    error::Cause,
    mem::{PageSize, VideoMemory},
};

/// What nothing leads to any more, once the TLBs have been told.
#[derive(Default)]
pub(super) struct Retired {
    pub(super) pages: Vec<VideoMemory>,
    pub(super) slots: Vec<Slot>,
    /// Holds what was mapped.
    pub(super) replaced: Option<Replaced>,
}

/// One plan on its way.
pub(super) struct Commit<'a, P: Pci> {
    pub(super) entries: Entries<'a, P>,
    /// The root's address.
    pub(super) root: u64,
    pub(super) tables: &'a mut Tables,
    pub(super) records: &'a Records,
    /// Where the records have changed.
    pub(super) range: Range<u64>,
    /// The contents of directories that nothing leads to yet.
    pub(super) images: BTreeMap<DirKey, Vec<u64>>,
    pub(super) retired: &'a mut Retired,
}

/// A block before and after.
struct Work {
    va: u64,
    touched: u32,
    old: State,
    new: State,
}

/// The halves of an entry of PD0.
const LOW: u64 = 0;
const HIGH: u64 = 8;

impl<P: Pci> Commit<'_, P> {
    /// Carries the plan out.
    pub(super) fn run(mut self, plan: Plan) -> Result<(), Cause> {
        for (key, page) in plan.dirs {
            self.images.insert(key, vec![0; 512]);
            self.tables.dirs.insert(key, Dir { page, used: 0 });
        }
        // First everything gets its place, so that an error loses nothing.
        let blocks = plan.blocks.into_iter();
        let work: Vec<_> = blocks.map(|block| self.account(block)).collect();
        for work in &work {
            let dir = self.tables.dirs.get(&pd0(work.va));
            let is_empty = dir.is_none_or(|dir| dir.used == 0);
            // A directory that goes needs no more writing.
            if !is_empty {
                self.write_block(work)?;
            }
        }
        self.link()?;
        let mut keys: Vec<_> = work.iter().map(|work| pd0(work.va)).collect();
        keys.dedup();
        keys.into_iter().try_for_each(|key| self.prune(key))
    }

    /// Takes a block's new state over into the books.
    fn account(&mut self, plan: BlockPlan) -> Work {
        let (va, key) = (plan.va, plan.va / HUGE_PAGE);
        let block = self.tables.blocks.remove(&key);
        let old = Block::state(block.as_ref());
        let mut tables = match block {
            Some(Block::Tables(tables)) => tables,
            _ => Box::default(),
        };
        let (big_pages, small_pages) = match plan.shape {
            Shape::Huge => (0, 0),
            Shape::Tables { big, small } => (big, small),
        };
        (tables.big_pages, tables.small_pages) = (big_pages, small_pages);
        tables.big = plan.big.or(tables.big.take());
        tables.small = plan.small.or(tables.small.take());
        let (is_big_needed, is_small_needed) = plan.shape.tables(self.tables.always_big);
        if !is_big_needed {
            self.retired.slots.extend(tables.big.take());
        }
        if !is_small_needed {
            self.retired.pages.extend(tables.small.take());
        }
        let block = match plan.shape {
            Shape::Huge => Some(Block::Huge),
            Shape::EMPTY => None,
            Shape::Tables { .. } => Some(Block::Tables(tables)),
        };
        let new = Block::state(block.as_ref());
        if let Some(block) = block {
            self.tables.blocks.insert(key, block);
        }
        if let Some(dir) = self.tables.dirs.get_mut(&pd0(va)) {
            dir.used += u32::from(new != State::default());
            dir.used -= u32::from(old != State::default());
        }
        let touched = plan.touched;
        Work {
            va,
            touched,
            old,
            new,
        }
    }

    fn write_block(&mut self, work: &Work) -> Result<(), Cause> {
        let Work { va, old, new, .. } = *work;
        self.fill_new_tables(work)?;
        if let (Some(_), Some(_)) = (old.small, new.small) {
            self.update_small(work)?;
        }
        // A huge page hides the small half, and an entry of a big table hides small ones.
        if new.small != old.small && new.small.is_some() {
            self.write_pd0(va, HIGH, small_half(&new))?;
        }
        let is_big_new = new.big != old.big || new.is_huge || old.is_huge;
        if is_big_new {
            let huge = self.records.entry(va, PageSize::Huge);
            let huge = huge.filter(|_| new.is_huge);
            self.write_pd0(va, LOW, huge.unwrap_or(big_half(&new)))?;
        }
        if let (Some(_), Some(big)) = (old.big, new.big) {
            self.update_big(work, big)?;
        }
        if let (Some(_), Some(small)) = (old.small, new.small) {
            self.clear_small(work, small)?;
        }
        if old.small.is_some() && new.small.is_none() {
            self.write_pd0(va, HIGH, 0)?;
        }
        Ok(())
    }

    /// The contents of a block's tables that nothing leads to yet.
    fn fill_new_tables(&mut self, work: &Work) -> Result<(), Cause> {
        let Work { va, old, new, .. } = *work;
        if let (None, Some(table)) = (old.big, new.big) {
            let entries: Vec<_> = (0..32)
                .map(|index| self.big_entry(va, &new, index))
                .collect();
            self.entries.fresh(table, &entries)?;
        }
        if let (None, Some(table)) = (old.small, new.small) {
            let mut entries = Vec::with_capacity(512);
            for (index, range) in sixteenths(va) {
                match new.small_pages >> index & 1 {
                    0 => entries.extend([0; 16]),
                    _ => entries.extend(self.records.small_entries(range)),
                }
            }
            self.entries.fresh(table, &entries)?;
        }
        Ok(())
    }

    /// The entry of a block's big table.
    fn big_entry(&self, block: u64, new: &State, index: u32) -> u64 {
        let entry = self
            .records
            .entry(block + u64::from(index) * BIG_PAGE, PageSize::Big);
        entry
            .filter(|_| new.big_pages >> index & 1 != 0)
            .unwrap_or(0)
    }

    /// Small pages in a table that stays: what changed, and all of what was a big page.
    fn update_small(&mut self, work: &Work) -> Result<(), Cause> {
        let Work { va, old, new, .. } = *work;
        let Some(table) = new.small else {
            return Ok(());
        };
        let replaced = self.retired.replaced.as_ref();
        let were_free = replaced.is_some_and(Replaced::was_free);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (index, whole) in sixteenths(va) {
            if (work.touched & new.small_pages) >> index & 1 == 0 {
                continue;
            }
            let range = match old.big_pages >> index & 1 {
                0 => whole.start.max(self.range.start)..whole.end.min(self.range.end),
                _ => whole,
            };
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        for range in ranges {
            let entries = self.records.small_entries(range.clone());
            let at = table + (range.start - va) / SMALL_PAGE * 8;
            self.entries.live(at, &entries, were_free)?;
        }
        Ok(())
    }

    /// Big pages in a table that stays.
    fn update_big(&mut self, work: &Work, table: u64) -> Result<(), Cause> {
        let Work { va, old, new, .. } = *work;
        let changed = work.touched & (old.big_pages | new.big_pages);
        for (first, count) in runs(changed) {
            let indices = first..first + count;
            let entries: Vec<_> = indices.map(|at| self.big_entry(va, &new, at)).collect();
            self.entries
                .live(table + u64::from(first) * 8, &entries, false)?;
        }
        Ok(())
    }

    /// Small pages that are none any more, in a table that stays: nothing must come back when
    /// the big page over them goes.
    fn clear_small(&mut self, work: &Work, table: u64) -> Result<(), Cause> {
        let gone = work.touched & work.old.small_pages & !work.new.small_pages;
        for (first, count) in runs(gone) {
            let zeros = vec![0; count as usize * 16];
            self.entries
                .live(table + u64::from(first) * 128, &zeros, false)?;
        }
        Ok(())
    }

    fn write_pd0(&mut self, va: u64, half: u64, value: u64) -> Result<(), Cause> {
        let offset = Level::Pd0.offset(va) + half;
        self.write_dir(pd0(va), offset, value)
    }

    fn write_dir(&mut self, key: DirKey, offset: u64, value: u64) -> Result<(), Cause> {
        if let Some(image) = self.images.get_mut(&key) {
            if let Some(entry) = image.get_mut(offset as usize / 8) {
                *entry = value;
            }
            return Ok(());
        }
        match self.tables.dirs.get(&key) {
            Some(dir) => self.entries.directory(dir.page.address() + offset, value),
            None => Ok(()),
        }
    }

    /// Has the directories above lead to the new ones, from the lowest level up.
    fn link(&mut self) -> Result<(), Cause> {
        for (at, (level, parent)) in DIRS.into_iter().enumerate() {
            let keys = self.images.range((level, 0)..=(level, u64::MAX));
            let keys: Vec<_> = keys.map(|(&key, _)| key).collect();
            for key in keys {
                let Some((image, dir)) = self.images.get(&key).zip(self.tables.dirs.get(&key))
                else {
                    continue;
                };
                let address = dir.page.address();
                self.entries.fresh(address, image)?;
                self.images.remove(&key);
                self.write_parent(at, key.1 << parent.shift(), pde(Some(address)), 1)?;
            }
        }
        Ok(())
    }

    /// Lets a directory go that leads nowhere, and those above it.
    fn prune(&mut self, key: DirKey) -> Result<(), Cause> {
        let va = key.1 << Level::Pd1.shift();
        for (at, (level, parent)) in DIRS.into_iter().enumerate() {
            let key = dir_key(level, parent, va);
            if self.tables.dirs.get(&key).is_none_or(|dir| dir.used > 0) {
                break;
            }
            let dir = self.tables.dirs.remove(&key);
            self.retired.pages.extend(dir.map(|dir| dir.page));
            self.write_parent(at, va, 0, -1)?;
        }
        Ok(())
    }

    /// Writes the entry that leads to a directory of the level at `at`.
    fn write_parent(&mut self, at: usize, va: u64, value: u64, used: i32) -> Result<(), Cause> {
        let Some((parent, above)) = DIRS.get(at + 1) else {
            return self
                .entries
                .directory(self.root + Level::Pd3.offset(va), value);
        };
        let key = dir_key(*parent, *above, va);
        if let Some(dir) = self.tables.dirs.get_mut(&key) {
            dir.used = dir.used.saturating_add_signed(used);
        }
        self.write_dir(key, parent.offset(va), value)
    }
}

/// The last directory of an address.
fn pd0(va: u64) -> DirKey {
    dir_key(Level::Pd0, Level::Pd1, va)
}

/// The 32 pieces of a block that can be big pages.
fn sixteenths(block: u64) -> impl Iterator<Item = (u32, Range<u64>)> {
    (0..32).map(move |index| {
        let start = block + u64::from(index) * BIG_PAGE;
        (index, start..start + BIG_PAGE)
    })
}

/// The runs of set bits: the first, and how many.
fn runs(mask: u32) -> impl Iterator<Item = (u32, u32)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = mask.checked_shr(at).filter(|&rest| rest != 0)?;
        let first = at + rest.trailing_zeros();
        let count = (mask >> first).trailing_ones();
        at = first + count;
        Some((first, count))
    })
}

fn pde(table: Option<u64>) -> u64 {
    let entry = table.and_then(|table| Pde::table(PdeAperture::VideoMemory, table));
    entry.map_or(0, |entry| entry.raw_value())
}

fn small_half(state: &State) -> u64 {
    pde(state.small)
}

fn big_half(state: &State) -> u64 {
    let entry = state
        .big
        .and_then(|table| BigPde::table(PdeAperture::VideoMemory, table));
    entry.map_or(0, |entry| entry.raw_value())
}
