// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What is mapped where: ranges that do not overlap, in order of their addresses. Looking one up
//! costs the logarithm of how many there are.

use std::{collections::BTreeMap, ops::Range};

use super::target::Target;
use crate::mem::PageSize;

struct Record {
    end: u64,
    target: Target,
}

/// The mappings of a space.
#[derive(Default)]
pub(super) struct Records {
    /// By their first address.
    map: BTreeMap<u64, Record>,
}

/// What [`Records::replace`] did.
pub(super) struct Replaced {
    /// All addresses that it may have changed records of.
    span: Range<u64>,
    /// What was there.
    removed: Vec<(u64, Record)>,
}

impl Replaced {
    /// Whether nothing was mapped there.
    pub(super) fn was_free(&self) -> bool {
        self.removed.is_empty()
    }
}

/// A part of a record.
pub(super) struct Part<'a> {
    pub(super) range: Range<u64>,
    target: &'a Target,
    /// The record's first address.
    start: u64,
}

impl Part<'_> {
    /// The entry of a page of this size at `va`.
    pub(super) fn entry(&self, va: u64, page: PageSize) -> Option<u64> {
        self.target.entry(va, va - self.start, page)
    }
}

impl Records {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Maps `range` to `target`, or to nothing. What was there is cut.
    pub(super) fn replace(&mut self, range: Range<u64>, target: Option<Target>) -> Replaced {
        let first = self.at_or_before(range.start).unwrap_or(range.start);
        let keys: Vec<u64> = self
            .map
            .range(first..range.end)
            .map(|(&at, _)| at)
            .collect();
        let mut removed = Vec::with_capacity(keys.len());
        for start in keys {
            if let Some(record) = self.map.remove(&start) {
                removed.push((start, record));
            }
        }
        let span = removed.iter().fold(range.clone(), |span, (start, record)| {
            span.start.min(*start)..span.end.max(record.end)
        });
        for (start, record) in &removed {
            if *start < range.start {
                self.insert(*start..range.start, record.target.clone());
            }
            if record.end > range.end {
                let target = record.target.skip(range.end - start);
                self.insert(range.end..record.end, target);
            }
        }
        let mut replaced = Replaced { span, removed };
        if let Some(target) = target {
            let range = self.join(range, &target, &mut replaced);
            self.insert(range, target);
        }
        replaced
    }

    /// Removes the neighbours of a range that are the same; the range with them. What is made
    /// small piece by piece must not stay in pieces.
    fn join(&mut self, range: Range<u64>, target: &Target, replaced: &mut Replaced) -> Range<u64> {
        let mut joined = range.clone();
        let before = range
            .start
            .checked_sub(1)
            .and_then(|at| self.at_or_before(at));
        for start in before.into_iter().chain([range.end]) {
            let is_same = |record: &Record| record.target.is_same_everywhere(target);
            if !self.map.get(&start).is_some_and(is_same) {
                continue;
            }
            if let Some(record) = self.map.remove(&start) {
                joined = joined.start.min(start)..joined.end.max(record.end);
                // What `replace` cut is in the list already.
                if !replaced
                    .removed
                    .iter()
                    .any(|(_, old)| old.end == record.end)
                    && !replaced.removed.iter().any(|(old, _)| *old == start)
                {
                    replaced.removed.push((start, record));
                }
            }
        }
        let span = &mut replaced.span;
        *span = span.start.min(joined.start)..span.end.max(joined.end);
        joined
    }

    /// Takes a replacement back, if none came after it.
    pub(super) fn revert(&mut self, replaced: Replaced) {
        let Replaced { span, removed } = replaced;
        let keys: Vec<u64> = self.map.range(span).map(|(&at, _)| at).collect();
        for start in keys {
            self.map.remove(&start);
        }
        self.map.extend(removed);
    }

    fn insert(&mut self, range: Range<u64>, target: Target) {
        let end = range.end;
        self.map.insert(range.start, Record { end, target });
    }

    /// Where the record starts that `va` is in.
    fn at_or_before(&self, va: u64) -> Option<u64> {
        let (start, record) = self.map.range(..=va).next_back()?;
        (record.end > va).then_some(*start)
    }

    /// What of a range is mapped, in order.
    pub(super) fn parts(&self, range: Range<u64>) -> impl Iterator<Item = Part<'_>> {
        let first = self.at_or_before(range.start).unwrap_or(range.start);
        self.map
            .range(first..range.end.max(first))
            .map(move |(&start, record)| Part {
                range: start.max(range.start)..record.end.min(range.end),
                target: &record.target,
                start,
            })
    }

    /// The entry of a page at `va`, when one record covers it and its memory allows that size.
    pub(super) fn entry(&self, va: u64, page: PageSize) -> Option<u64> {
        let range = va..va.checked_add(page.bytes())?;
        let part = self.parts(range.clone()).next()?;
        if part.range != range {
            return None;
        }
        part.entry(va, page)
    }

    /// Whether nothing of a range is mapped.
    pub(super) fn is_free(&self, range: Range<u64>) -> bool {
        self.parts(range).next().is_none()
    }

    /// The entries of the small pages of a range; 0 for what is not mapped.
    pub(super) fn small_entries(&self, range: Range<u64>) -> Vec<u64> {
        let page = PageSize::Small;
        let index = |va: u64| ((va - range.start) / page.bytes()) as usize;
        let mut entries = vec![0; index(range.end)];
        for part in self.parts(range.clone()) {
            for va in part.range.clone().step_by(page.bytes() as usize) {
                let place = entries.get_mut(index(va));
                // Each piece of memory is of whole pages, so that there is an entry.
                if let (Some(place), Some(entry)) = (place, part.entry(va, page)) {
                    *place = entry;
                }
            }
        }
        entries
    }
}
