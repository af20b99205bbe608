// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The VRAM manager: what is free and clean, what is dirty, and what is owned.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use super::{
    buddy::{Buddy, FRAME},
    extent::Extents,
    owner::{Charge, Owner, QuotaError, Resource},
    scrub::Dirty,
    video::{VideoMemory, VramRequest},
};

/// Why there is no VRAM. Nothing was allocated or charged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VramError {
    /// The owner may not have it.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// There is none, or not in pieces of this size. Scrubbing what is dirty may help.
    #[error("no {len:#x} bytes of VRAM in pages of {page:#x}: {clean:#x} are free, {dirty:#x} are to be scrubbed")]
    Exhausted {
        /// Bytes asked for, in whole pages.
        len: u64,
        /// Bytes of a page.
        page: u64,
        /// Bytes that are free and clean.
        clean: u64,
        /// Bytes that are free once they were scrubbed.
        dirty: u64,
    },
    /// An object of this size does not exist.
    #[error("{0:#x} bytes are no size of an object")]
    Size(u64),
}

/// Where the VRAM is, in bytes. The four states add up to the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VramFigures {
    /// All that the manager has.
    pub total: u64,
    /// Free and clean.
    pub clean: u64,
    /// Dirty since the start, and nobody's.
    pub unscrubbed: u64,
    /// Given back, dirty, and still charged to the last owner.
    pub released: u64,
    /// Owned.
    pub owned: u64,
}

struct Pools {
    clean: Buddy,
    /// Dirty since the start.
    unscrubbed: Buddy,
    /// Given back by owners.
    released: VecDeque<Dirty>,
    /// Bytes that a scrubber has, of the two kinds.
    in_scrub: [u64; 2],
    owned: u64,
}

/// The VRAM of one GPU that a driver may use. At first all of it is dirty.
pub struct VramManager {
    total: u64,
    end: u64,
    pools: Mutex<Pools>,
}

impl VramManager {
    /// The VRAM in these ranges, of which whole frames are used. They must not overlap.
    pub(crate) fn new(ranges: &[Range<u64>]) -> Arc<Self> {
        let whole = ranges.iter().filter_map(whole_frames);
        let ranges: Vec<_> = whole.collect();
        let unscrubbed = Buddy::full(ranges.iter().cloned());
        Arc::new(Self {
            total: unscrubbed.free(),
            end: ranges.iter().map(|range| range.end).max().unwrap_or(0),
            pools: Mutex::new(Pools {
                clean: Buddy::empty(ranges.iter().cloned()),
                unscrubbed,
                released: VecDeque::new(),
                in_scrub: [0; 2],
                owned: 0,
            }),
        })
    }

    fn pools(&self) -> MutexGuard<'_, Pools> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Clean VRAM for an owner.
    ///
    /// # Errors
    /// When the owner may not have it, or it is not there. Then nothing has changed.
    pub fn alloc(
        self: &Arc<Self>,
        owner: &Owner,
        request: &VramRequest,
    ) -> Result<Arc<VideoMemory>, VramError> {
        let (len, page) = request.whole_pages()?;
        let charge = owner.charge(Resource::Vram, request.usage, len)?;
        let mut pools = self.pools();
        let extents = match request.contiguous {
            true => pools.clean.contiguous(len, page).map(Extents::from),
            false => pools.clean.scattered(len, page),
        };
        let extents = extents.ok_or_else(|| pools.exhausted(len, page))?;
        pools.owned += len;
        drop(pools);
        let memory = VideoMemory::new(self, extents, request.page, true, charge);
        Ok(Arc::new(memory))
    }

    /// VRAM in one piece that may hold anything, for whoever writes all of it by the CPU before
    /// anything else can see it.
    pub(crate) fn alloc_unscrubbed(
        self: &Arc<Self>,
        owner: &Owner,
        request: &VramRequest,
    ) -> Result<VideoMemory, VramError> {
        let (len, page) = request.whole_pages()?;
        let charge = owner.charge(Resource::Vram, request.usage, len)?;
        let mut pools = self.pools();
        let dirty = pools.unscrubbed.contiguous(len, page);
        let is_clean = dirty.is_none();
        let taken = dirty.or_else(|| pools.clean.contiguous(len, page));
        let extent = taken.ok_or_else(|| pools.exhausted(len, page))?;
        pools.owned += len;
        drop(pools);
        let (extents, page) = (extent.into(), request.page);
        Ok(VideoMemory::new(self, extents, page, is_clean, charge))
    }

    /// The address after the highest that it has.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Where the VRAM is.
    pub fn figures(&self) -> VramFigures {
        let pools = self.pools();
        let released = pools.released.iter().map(|dirty| dirty.extents.len());
        VramFigures {
            total: self.total,
            clean: pools.clean.free(),
            unscrubbed: pools.unscrubbed.free() + pools.in_scrub[0],
            released: released.sum::<u64>() + pools.in_scrub[1],
            owned: pools.owned,
        }
    }

    /// Owned memory was not used at all.
    pub(super) fn put_unused(&self, extents: &Extents, is_clean: bool) {
        let mut pools = self.pools();
        pools.owned -= extents.len();
        let pool = match is_clean {
            true => &mut pools.clean,
            false => &mut pools.unscrubbed,
        };
        extents.iter().for_each(|extent| pool.put(extent));
    }

    /// The last reference to owned memory is gone.
    pub(super) fn release(&self, extents: Extents, charge: Charge) {
        let mut pools = self.pools();
        pools.owned -= extents.len();
        let charge = Some(charge);
        pools.released.push_back(Dirty { extents, charge });
    }

    /// Up to `limit` bytes of what has to be scrubbed, or one object that is larger.
    pub(super) fn take_dirty(&self, limit: u64) -> Option<Vec<Dirty>> {
        let mut pools = self.pools();
        let (mut batch, mut left) = (Vec::new(), limit);
        while let Some(dirty) = pools.released.front() {
            let len = dirty.extents.len();
            if len > left && !batch.is_empty() {
                break;
            }
            left = left.saturating_sub(len);
            batch.extend(pools.released.pop_front());
        }
        while batch.is_empty() || left >= FRAME {
            let Some(extent) = pools.unscrubbed.take_largest(left.max(FRAME)) else {
                break;
            };
            left = left.saturating_sub(extent.len);
            let extents = extent.into();
            let charge = None;
            batch.push(Dirty { extents, charge });
        }
        for dirty in &batch {
            pools.in_scrub[dirty.kind()] += dirty.extents.len();
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// What was taken and is still dirty.
    pub(super) fn put_dirty(&self, batch: Vec<Dirty>) {
        let mut pools = self.pools();
        for dirty in batch.into_iter().rev() {
            pools.in_scrub[dirty.kind()] -= dirty.extents.len();
            match dirty.charge {
                Some(_) => pools.released.push_front(dirty),
                None => dirty.extents.iter().for_each(|it| pools.unscrubbed.put(it)),
            }
        }
    }

    /// What was taken and is clean now. The only way into the clean pool.
    pub(super) fn put_clean(&self, batch: Vec<Dirty>) {
        let mut pools = self.pools();
        for dirty in &batch {
            pools.in_scrub[dirty.kind()] -= dirty.extents.len();
            dirty.extents.iter().for_each(|it| pools.clean.put(it));
        }
        // The charges go after the bytes are free, so that nobody is charged too little.
        drop(pools);
        drop(batch);
    }
}

impl Pools {
    fn exhausted(&self, len: u64, page: u64) -> VramError {
        let released = self.released.iter().map(|dirty| dirty.extents.len());
        VramError::Exhausted {
            len,
            page,
            clean: self.clean.free(),
            dirty: self.unscrubbed.free() + released.sum::<u64>(),
        }
    }
}

impl Dirty {
    /// Its place in `in_scrub`.
    fn kind(&self) -> usize {
        usize::from(self.charge.is_some())
    }
}

fn whole_frames(range: &Range<u64>) -> Option<Range<u64>> {
    let start = range.start.checked_next_multiple_of(FRAME)?;
    let end = range.end / FRAME * FRAME;
    (start < end).then_some(start..end)
}

#[cfg(test)]
#[path = "vram_tests.rs"]
mod tests;
