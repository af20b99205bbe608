// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! An owner's part of BAR1.

use std::{
    iter::once,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nova_pci::{Bar, BarMemory, Pci};
use nova_spec::gmmu::{BIG_PAGE, SMALL_PAGE};
use vm_allocator::RangeInclusive;

use super::{Bar1, Bar1Error, Bar1Mapping};
use crate::{
    error::Cause,
    mem::{Backing, Buddy, Extent, Owner, PageSize, Usage, VideoMemory, VramRequest},
    mmu::{MapError, MapFlags, Target},
};

/// A contiguous part of BAR1. What is not mapped in it shows the owner's dummy page.
pub struct Slice<P: Pci> {
    bar1: Arc<Bar1<P>>,
    owner: Owner,
    address: RangeInclusive,
    pub(super) dummy: Target,
    /// Offsets at which nothing is mapped.
    free: Mutex<Buddy>,
    /// What the slice showed when it could not be taken away is not given to others.
    is_lost: Mutex<bool>,
}

impl<P: Pci> Slice<P> {
    /// The slice at these addresses, which are nobody's.
    pub(super) fn new(
        bar1: &Arc<Bar1<P>>,
        owner: &Owner,
        address: &RangeInclusive,
    ) -> Result<Self, Bar1Error> {
        let request = VramRequest::small(BIG_PAGE, Usage::DummyPage).in_pages(PageSize::Big);
        let dummy: Arc<VideoMemory> = bar1.memory.alloc_zeroed(owner, &request)?;
        let flags = MapFlags::default();
        let dummy = Target::repeat(dummy, flags);
        let range = address.start()..address.end() + 1;
        bar1.space
            .replace(range.clone(), Some(dummy.clone()), owner)?;
        Ok(Self {
            bar1: bar1.clone(),
            owner: owner.clone(),
            address: *address,
            dummy,
            free: Mutex::new(Buddy::full(once(0..range.end - range.start))),
            is_lost: Mutex::new(false),
        })
    }

    /// Whose it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Where it starts in BAR1.
    pub fn offset(&self) -> u64 {
        self.address.start()
    }

    /// Bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.address.len()
    }

    /// The part of the BAR's memory that its owner may map, where the transport has it.
    pub fn window(&self) -> Option<BarMemory> {
        let memory = self.bar1.bar.memory()?;
        let end = self.offset() + self.len();
        (end <= memory.len).then(|| BarMemory {
            offset: memory.offset + self.offset(),
            len: self.len(),
            ..memory
        })
    }

    /// Shows `len` bytes of `memory` from `offset` on, both multiples of 4 KiB, for as long as the
    /// mapping lives.
    ///
    /// # Errors
    /// [`Bar1Error::NoSpace`] when the slice is full; the others are those of
    /// [`AddressSpace::map`](crate::mmu::AddressSpace::map).
    pub fn map(
        self: &Arc<Self>,
        memory: Arc<VideoMemory>,
        offset: u64,
        len: u64,
    ) -> Result<Bar1Mapping<P>, Bar1Error> {
        let size = memory.extents().len();
        if len == 0 || len % SMALL_PAGE != 0 {
            return Err(MapError::Misaligned { va: offset, len }.into());
        }
        let end = offset.checked_add(len);
        if offset % SMALL_PAGE != 0 || end.is_none_or(|end| end > size) {
            return Err(MapError::OutsideMemory { offset, len, size }.into());
        }
        if memory.owner() != &self.owner {
            return Err(MapError::Foreign {
                memory: memory.owner().name().into(),
                space: self.owner.name().into(),
            }
            .into());
        }
        let page = match len {
            BIG_PAGE.. => BIG_PAGE,
            _ => SMALL_PAGE,
        };
        let place = self.free().contiguous(len, page);
        let space = "the slice";
        let place = place.ok_or(Bar1Error::NoSpace { len, space })?;
        let flags = MapFlags::default();
        let target = Target::memory(memory.clone(), offset, flags);
        let bar1 = &self.bar1;
        let range = self.range(&place);
        match bar1.space.replace(range, Some(target), &self.owner) {
            Ok(()) => Ok(Bar1Mapping::new(self, place)),
            Err(error) => {
                self.free().put(place);
                Err(error.into())
            }
        }
    }

    /// Reads bytes of the slice by the CPU.
    ///
    /// # Errors
    /// For bytes that are not all inside, and when the BAR cannot be read.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), Bar1Error> {
        let at = self.check(offset, data.len() as u64)?;
        Ok(self.bar1.bar.read(at, data).map_err(Cause::from)?)
    }

    /// Writes bytes of the slice by the CPU.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), Bar1Error> {
        let at = self.check(offset, data.len() as u64)?;
        Ok(self.bar1.bar.write(at, data).map_err(Cause::from)?)
    }

    /// Shows the dummy again where something was mapped.
    pub(super) fn unmap(&self, place: Extent) {
        let (bar1, dummy) = (&self.bar1, self.dummy.clone());
        match bar1
            .space
            .replace(self.range(&place), Some(dummy), &self.owner)
        {
            Ok(()) => self.free().put(place),
            Err(error) => {
                // The memory is kept until the TLBs can be invalidated, the place for good.
                tracing::warn!(%error, "a part of BAR1 could not be unmapped");
                *self.is_lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
            }
        }
    }

    fn check(&self, offset: u64, len: u64) -> Result<u64, Bar1Error> {
        let size = self.len();
        let end = offset.checked_add(len);
        match end.is_some_and(|end| end <= size) {
            true => Ok(self.offset() + offset),
            false => Err(Bar1Error::OutOfRange { offset, len, size }),
        }
    }

    fn range(&self, place: &Extent) -> Range<u64> {
        self.offset() + place.address..self.offset() + place.end()
    }

    fn free(&self) -> MutexGuard<'_, Buddy> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Pci> Drop for Slice<P> {
    fn drop(&mut self) {
        let range = self.offset()..self.offset() + self.len();
        let unmapped = self.bar1.space.replace(range, None, &self.owner);
        let is_lost = *self
            .is_lost
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        match unmapped {
            Ok(()) if !is_lost => self.bar1.free(&self.address),
            Ok(()) => tracing::warn!("a slice of BAR1 is not used again"),
            Err(error) => tracing::warn!(%error, "a slice of BAR1 is not used again"),
        }
    }
}
