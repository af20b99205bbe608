// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory that a slice shows.

use std::sync::Arc;

use nova_pci::Pci;

use super::{Bar1Error, Slice};
use crate::mem::Extent;

/// Memory in a slice of BAR1, until this is dropped: then the dummy page is shown again, and
/// when no TLB has the memory any more it is let go.
pub struct Bar1Mapping<P: Pci> {
    slice: Arc<Slice<P>>,
    place: Extent,
}

impl<P: Pci> Bar1Mapping<P> {
    pub(super) fn new(slice: &Arc<Slice<P>>, place: Extent) -> Self {
        Self {
            slice: slice.clone(),
            place,
        }
    }

    /// Where it is in the slice.
    pub fn offset(&self) -> u64 {
        self.place.address
    }

    /// Bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.place.len
    }

    /// Reads by the CPU.
    ///
    /// # Errors
    /// For bytes that are not all in the mapping, and when the BAR cannot be read.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), Bar1Error> {
        self.check(offset, data.len() as u64)?;
        self.slice.read(self.place.address + offset, data)
    }

    /// Writes by the CPU.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), Bar1Error> {
        self.check(offset, data.len() as u64)?;
        self.slice.write(self.place.address + offset, data)
    }

    fn check(&self, offset: u64, len: u64) -> Result<(), Bar1Error> {
        let size = self.place.len;
        let end = offset.checked_add(len);
        match end.is_some_and(|end| end <= size) {
            true => Ok(()),
            false => Err(Bar1Error::OutOfRange { offset, len, size }),
        }
    }
}

impl<P: Pci> Drop for Bar1Mapping<P> {
    fn drop(&mut self) {
        self.slice.unmap(self.place);
    }
}
