// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What an entry leads to.

use std::sync::Arc;

use nova_spec::gmmu::Pte;

use super::flags::MapFlags;
use crate::mem::{Backing, PageSize};

/// What a range leads to. A clone holds the memory too.
#[derive(Clone)]
pub(crate) enum Target {
    /// Memory, from an offset on.
    Memory {
        backing: Arc<dyn Backing>,
        offset: u64,
        /// What the entries have in common.
        entry: Pte,
    },
    /// The same piece of memory over and over: a [big page](PageSize::Big), repeated at each
    /// multiple of its size.
    Repeat { page: Arc<dyn Backing>, entry: Pte },
    /// No memory: reads are 0, writes are lost.
    Sparse,
}

impl Target {
    /// Memory from an offset on.
    pub(crate) fn memory(backing: Arc<dyn Backing>, offset: u64, flags: MapFlags) -> Self {
        Self::Memory {
            entry: flags.entry(backing.aperture()),
            backing,
            offset,
        }
    }

    /// A big page, over and over.
    pub(crate) fn repeat(page: Arc<dyn Backing>, flags: MapFlags) -> Self {
        Self::Repeat {
            entry: flags.entry(page.aperture()),
            page,
        }
    }

    /// Whether both lead to the same, wherever a range of them starts.
    pub(super) fn is_same_everywhere(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sparse, Self::Sparse) => true,
            (
                Self::Repeat { page, entry },
                Self::Repeat {
                    page: other,
                    entry: with,
                },
            ) => Arc::ptr_eq(page, other) && entry == with,
            _ => false,
        }
    }

    /// The address after the highest that is led to.
    pub(super) fn end(&self) -> u64 {
        match self {
            Self::Memory { backing, .. } | Self::Repeat { page: backing, .. } => {
                backing.extents().end()
            }
            Self::Sparse => 0,
        }
    }

    /// The same, from `by` bytes further on.
    pub(super) fn skip(&self, by: u64) -> Self {
        let mut target = self.clone();
        if let Self::Memory { offset, .. } = &mut target {
            *offset += by;
        }
        target
    }

    /// The entry of a page of this size at `va`, `delta` bytes into the range; `None` where the
    /// memory is not in one piece there, or not aligned.
    pub(crate) fn entry(&self, va: u64, delta: u64, page: PageSize) -> Option<u64> {
        let (backing, offset, entry) = match self {
            Self::Sparse => return Some(Pte::sparse().raw_value()),
            Self::Repeat {
                page: backing,
                entry,
            } => (backing, va % PageSize::Big.bytes(), entry),
            Self::Memory {
                backing,
                offset,
                entry,
            } => (backing, offset + delta, entry),
        };
        let extent = backing.extents().at(offset)?;
        if extent.len < page.bytes() || extent.address % page.bytes() != 0 {
            return None;
        }
        let address = Pte::page(entry.aperture(), extent.address)?;
        Some(entry.with_frame(address.frame()).raw_value())
    }
}
