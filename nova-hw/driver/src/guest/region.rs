// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One region of a guest's memory.

use std::{fs::File, io, os::unix::fs::MetadataExt, sync::Arc};

use nova_pci::{DmaMemory, Pci, PAGE_SIZE};

use super::GuestMemoryError;
use crate::dma::Address;

/// A region, as a monitor's memory table has it.
#[derive(Clone, Debug)]
pub struct RegionSpec {
    /// The file.
    pub file: Arc<File>,
    /// Where in it the region starts.
    pub file_offset: u64,
    /// The guest's address of its first byte.
    pub guest_address: u64,
    /// Bytes.
    pub len: u64,
}

/// What makes two regions the same: the file itself and not its descriptor, which each table
/// brings anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    file: (u64, u64),
    file_offset: u64,
    pub(super) guest_address: u64,
    pub(super) len: u64,
}

impl Identity {
    pub(super) fn of(spec: &RegionSpec) -> io::Result<Self> {
        let metadata = spec.file.metadata()?;
        Ok(Self {
            file: (metadata.dev(), metadata.ino()),
            file_offset: spec.file_offset,
            guest_address: spec.guest_address,
            len: spec.len,
        })
    }

    /// The guest's address after the last; it was checked that there is one.
    pub(super) fn end(&self) -> u64 {
        self.guest_address + self.len
    }

    pub(super) fn is_whole_pages(&self) -> bool {
        [self.file_offset, self.guest_address, self.len]
            .iter()
            .all(|value| value % PAGE_SIZE == 0)
            && self.len > 0
            && self.guest_address.checked_add(self.len).is_some()
    }

    /// Whether both have a guest address.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.guest_address < other.end() && other.guest_address < self.end()
    }
}

/// A region that the GPU reaches, until this is dropped.
pub(super) struct Region<M> {
    #[allow(dead_code)] // lives for its drop, which comes before that of the others
    mapping: M,
    #[allow(dead_code)]
    memory: Arc<DmaMemory>,
    slot: Arc<Address>,
    /// To map it once more.
    pub(super) spec: RegionSpec,
    pub(super) identity: Identity,
}

impl<M> Region<M> {
    /// Maps a region of whole pages that is inside the slot.
    pub(super) fn map<P: Pci<Mapping = M>>(
        pci: &P,
        slot: &Arc<Address>,
        spec: &RegionSpec,
        identity: Identity,
    ) -> Result<Self, GuestMemoryError> {
        let (start, len) = (spec.guest_address, spec.len);
        let memory = DmaMemory::from_file(spec.file.clone(), spec.file_offset, len);
        let memory = memory.map_err(|source| GuestMemoryError::File { start, len, source })?;
        let mapping = pci.dma_map(slot.start() + start, &memory);
        Ok(Self {
            mapping: mapping.map_err(|source| GuestMemoryError::Map { start, len, source })?,
            memory,
            slot: slot.clone(),
            spec: spec.clone(),
            identity,
        })
    }

    /// Where the GPU sees a byte of it.
    pub(super) fn bus_address(&self, guest_address: u64) -> u64 {
        self.slot.start() + guest_address
    }
}
