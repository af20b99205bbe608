// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The memory table of a guest.
//!
//! A monitor names regions of files. `vm-memory` maps a region that is longer than its file
//! without complaint, and the first access past the end is a SIGBUS, so the sizes are checked
//! here; a file that shrinks later is the business of [`sigbus`](crate::sigbus).

use std::io;

use vm_memory::{Address, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use crate::sigbus::{self, Watch};

/// Why a memory table is refused.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// A region has no file, or one that is not a regular file (memfd, tmpfs, hugetlbfs).
    #[error("memory region {index} at {start:#x} is not backed by a regular file")]
    NotAFile {
        /// Which region, counted by guest address.
        index: usize,
        /// Its guest address.
        start: u64,
    },
    /// A region ends after its file does.
    #[error(
        "memory region {index} at {start:#x} is longer than its file: \
         {len:#x} bytes from offset {offset:#x}, the file has {file_len:#x}"
    )]
    TooLong {
        /// Which region, counted by guest address.
        index: usize,
        /// Its guest address.
        start: u64,
        /// Its length in bytes.
        len: u64,
        /// Where it starts in the file.
        offset: u64,
        /// The file's length in bytes.
        file_len: u64,
    },
    /// The file's length could not be found out.
    #[error("memory region {index} at {start:#x}: {source}")]
    Stat {
        /// Which region, counted by guest address.
        index: usize,
        /// Its guest address.
        start: u64,
        /// Why.
        source: io::Error,
    },
    /// There are more regions than the daemon can watch.
    #[error(transparent)]
    Watch(#[from] sigbus::TableFull),
}

/// A checked memory table, watched for regions that go away.
#[derive(Default)]
pub struct Memory {
    watched: Watch,
    regions: GuestMemoryMmap,
}

impl Memory {
    /// Checks a memory table and starts to watch it.
    ///
    /// # Errors
    /// When a region reaches past the end of its file, or there are too many regions.
    pub fn new(regions: GuestMemoryMmap) -> Result<Self, MemoryError> {
        check_regions(&regions)?;
        let watched = Watch::new(&regions)?;
        Ok(Self { watched, regions })
    }

    /// The regions.
    pub fn regions(&self) -> &GuestMemoryMmap {
        &self.regions
    }

    /// Tells whether a region went away.
    pub fn watch(&self) -> Watch {
        self.watched.clone()
    }
}

/// Checks that every region lies inside its file.
///
/// # Errors
/// Names the first region that does not.
pub fn check_regions(regions: &GuestMemoryMmap) -> Result<(), MemoryError> {
    for (index, region) in regions.iter().enumerate() {
        let start = region.start_addr().raw_value();
        let Some(file) = region.file_offset() else {
            return Err(MemoryError::NotAFile { index, start });
        };
        let metadata = file.file().metadata();
        let metadata = metadata.map_err(|source| MemoryError::Stat {
            index,
            start,
            source,
        })?;
        if !metadata.is_file() {
            return Err(MemoryError::NotAFile { index, start });
        }
        let (offset, len, file_len) = (file.start(), region.len(), metadata.len());
        if offset.checked_add(len).is_none_or(|end| end > file_len) {
            return Err(MemoryError::TooLong {
                index,
                start,
                len,
                offset,
                file_len,
            });
        }
    }
    Ok(())
}
