// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory of this process that a device reaches by DMA.

use std::{
    fs::File,
    io,
    sync::{atomic::Ordering, Arc},
};

use memfd::{FileSeal, MemfdOptions};
use vm_memory::{
    Bytes, FileOffset, MmapRegion, VolatileMemory, VolatileMemoryError, VolatileSlice,
};

use crate::PciError;

/// Bytes of a page: what DMA is mapped in.
pub const PAGE_SIZE: u64 = 4096;

const SPACE: &str = "DMA memory";

/// Whole pages of a file, mapped here. The device may write them at any time, so there is never
/// a reference into them, only copies in and out.
///
/// Any thread may use it. Copies are not atomic; [`Self::load32`] and its like are.
///
/// # Invariants
/// The file was at least as long as the mapping when it was made; one of [`Self::new`] is sealed
/// against another size.
#[derive(Debug)]
pub struct DmaMemory {
    file: Arc<File>,
    file_offset: u64,
    map: MmapRegion,
}

impl DmaMemory {
    /// New memory of at least `len` bytes, in whole pages, zeroed.
    ///
    /// # Errors
    /// What the system says when there is no memory, and `InvalidInput` for a length of 0.
    pub fn new(len: u64) -> io::Result<Arc<Self>> {
        if len == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let len = len
            .checked_next_multiple_of(PAGE_SIZE)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let memfd = MemfdOptions::new()
            .allow_sealing(true)
            .create("nova-dma")
            .map_err(io::Error::other)?;
        memfd.as_file().set_len(len)?;
        memfd
            .add_seals(&[FileSeal::SealShrink, FileSeal::SealGrow, FileSeal::SealSeal])
            .map_err(io::Error::other)?;
        Self::from_file(Arc::new(memfd.into_file()), 0, len)
    }

    /// Maps `len` bytes of a file from `file_offset` on; both are multiples of [`PAGE_SIZE`].
    ///
    /// # Errors
    /// `InvalidInput` when the range is not of whole pages or not all inside the file as it is
    /// now, and what the system says when it cannot be mapped.
    pub fn from_file(file: Arc<File>, file_offset: u64, len: u64) -> io::Result<Arc<Self>> {
        let end = file_offset.checked_add(len);
        let whole = len > 0 && file_offset % PAGE_SIZE == 0 && len % PAGE_SIZE == 0;
        let size = file.metadata()?.len();
        if !whole || end.is_none_or(|end| end > size) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let bytes = usize::try_from(len).map_err(io::Error::other)?;
        // INVARIANT: the range is inside the file, as was just checked.
        let map = MmapRegion::from_file(FileOffset::from_arc(file.clone(), file_offset), bytes)
            .map_err(io::Error::other)?;
        Ok(Arc::new(Self {
            file,
            file_offset,
            map,
        }))
    }

    /// Bytes, a multiple of [`PAGE_SIZE`], never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.map.size() as u64
    }

    /// The file, and where in it the memory starts: for transports that pass descriptors.
    pub fn file(&self) -> (&Arc<File>, u64) {
        (&self.file, self.file_offset)
    }

    /// Where the memory is in this process: for transports that pass addresses.
    pub fn host_address(&self) -> *mut u8 {
        self.map.as_ptr()
    }

    /// Copies out; an error has copied nothing.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        let slice = self.volatile_slice(offset, data.len())?;
        slice.read_slice(data, 0).map_err(failed)
    }

    /// Copies in; an error has copied nothing.
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        let slice = self.volatile_slice(offset, data.len())?;
        slice.write_slice(data, 0).map_err(failed)
    }

    /// Reads a dword in one access, little endian, at a multiple of 4; what the device wrote
    /// before it is seen by what is read after it.
    pub fn load32(&self, offset: u64) -> Result<u32, PciError> {
        let value: u32 = self
            .aligned(offset, 4)?
            .load(0, Ordering::Acquire)
            .map_err(failed)?;
        Ok(u32::from_le(value))
    }

    /// Writes a dword in one access, little endian, at a multiple of 4; what was written before
    /// it is seen by who reads it.
    pub fn store32(&self, offset: u64, value: u32) -> Result<(), PciError> {
        let slice = self.aligned(offset, 4)?;
        slice
            .store(value.to_le(), 0, Ordering::Release)
            .map_err(failed)
    }

    /// As [`Self::load32`], for eight bytes at a multiple of 8.
    pub fn load64(&self, offset: u64) -> Result<u64, PciError> {
        let value: u64 = self
            .aligned(offset, 8)?
            .load(0, Ordering::Acquire)
            .map_err(failed)?;
        Ok(u64::from_le(value))
    }

    /// As [`Self::store32`], for eight bytes at a multiple of 8.
    pub fn store64(&self, offset: u64, value: u64) -> Result<(), PciError> {
        let slice = self.aligned(offset, 8)?;
        slice
            .store(value.to_le(), 0, Ordering::Release)
            .map_err(failed)
    }

    fn aligned(&self, offset: u64, len: usize) -> Result<VolatileSlice<'_>, PciError> {
        if offset % len as u64 != 0 {
            return Err(PciError::Misaligned {
                space: SPACE,
                offset,
                len,
            });
        }
        self.volatile_slice(offset, len)
    }

    /// The bytes where they are, for a copy that is to touch them only once.
    pub fn volatile_slice(&self, offset: u64, len: usize) -> Result<VolatileSlice<'_>, PciError> {
        let outside = PciError::OutOfRange {
            space: SPACE,
            offset,
            len,
            size: self.len(),
        };
        let Ok(start) = usize::try_from(offset) else {
            return Err(outside);
        };
        self.map.get_slice(start, len).map_err(|_| outside)
    }
}

fn failed(error: VolatileMemoryError) -> PciError {
    PciError::Transport(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_whole_zeroed_pages_and_bounds() {
        let memory = DmaMemory::new(4097).unwrap();
        assert_eq!(memory.len(), 8192);
        let mut bytes = [0xff; 8];
        memory.read(8184, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 8]);
        assert!(matches!(
            memory.read(8185, &mut bytes),
            Err(PciError::OutOfRange { .. })
        ));
        assert!(matches!(
            memory.write(u64::MAX, &bytes),
            Err(PciError::OutOfRange { .. })
        ));
        assert!(DmaMemory::new(0).is_err());
        assert!(DmaMemory::new(u64::MAX).is_err());
    }

    #[test]
    fn dwords_are_little_endian_and_aligned() {
        let memory = DmaMemory::new(4096).unwrap();
        memory.store32(4, 0x0102_0304).unwrap();
        memory.store64(8, 0x1122_3344_5566_7788).unwrap();
        let mut bytes = [0; 12];
        memory.read(4, &mut bytes).unwrap();
        assert_eq!(
            bytes,
            [4, 3, 2, 1, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]
        );
        assert_eq!(memory.load32(4).unwrap(), 0x0102_0304);
        assert_eq!(memory.load64(8).unwrap(), 0x1122_3344_5566_7788);
        assert!(matches!(memory.load32(2), Err(PciError::Misaligned { .. })));
        assert!(matches!(
            memory.store64(4092, 0),
            Err(PciError::Misaligned { .. })
        ));
        assert!(matches!(
            memory.load32(4096),
            Err(PciError::OutOfRange { .. })
        ));
    }

    #[test]
    fn a_part_of_a_file_is_shared_and_checked() {
        let whole = DmaMemory::new(3 * 4096).unwrap();
        let (file, _) = whole.file();
        let part = DmaMemory::from_file(file.clone(), 4096, 4096).unwrap();
        part.write(0, b"here").unwrap();
        let mut bytes = [0; 4];
        whole.read(4096, &mut bytes).unwrap();
        assert_eq!(&bytes, b"here");
        for (offset, len) in [
            (8192, 8192),
            (1, 4096),
            (0, 5),
            (0, 0),
            (u64::MAX - 4095, 4096),
        ] {
            assert!(DmaMemory::from_file(file.clone(), offset, len).is_err());
        }
    }
}
