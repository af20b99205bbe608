// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The card's memory: one memfd, sparse until written.

use std::{fs::File, io, sync::Arc};

use memfd::{FileSeal, MemfdOptions};
use vm_memory::{
    Bytes, FileOffset, MmapRegion, VolatileMemory, VolatileMemoryError, VolatileSlice,
};

/// Why there is no memory for a model.
#[derive(Debug, thiserror::Error)]
pub enum VramError {
    /// memfd_create or a seal on it was refused.
    #[error("cannot make a memory file for VRAM")]
    Memfd(#[from] memfd::Error),
    /// Its size was refused.
    #[error("cannot give VRAM its size")]
    Size(#[from] io::Error),
    /// It cannot be mapped here.
    #[error("cannot map VRAM")]
    Map(#[from] vm_memory::mmap::MmapRegionError),
}

/// VRAM, mapped once here and perhaps elsewhere: other holders of the file may write it at
/// any time, so there is never a reference into it, only copies in and out.
///
/// # Invariants
/// The file is as long as the mapping and sealed against another size, so that no holder of
/// its descriptor can make an access here fault.
#[derive(Debug)]
pub(crate) struct Vram {
    file: Arc<File>,
    map: MmapRegion,
}

impl Vram {
    pub(crate) fn new(size: u64) -> Result<Self, VramError> {
        let memfd = MemfdOptions::new()
            .allow_sealing(true)
            .create("nova-model-vram")?;
        memfd.as_file().set_len(size)?;
        // INVARIANT: the size is final from here on, and so is the set of seals.
        memfd.add_seals(&[FileSeal::SealShrink, FileSeal::SealGrow, FileSeal::SealSeal])?;
        let file = Arc::new(memfd.into_file());
        let len = usize::try_from(size).map_err(io::Error::other)?;
        let map = MmapRegion::from_file(FileOffset::from_arc(file.clone(), 0), len)?;
        Ok(Self { file, map })
    }

    pub(crate) fn size(&self) -> u64 {
        self.map.size() as u64
    }

    pub(crate) fn file(&self) -> Arc<File> {
        self.file.clone()
    }

    /// Copies out; an error (bytes outside VRAM) has copied nothing.
    pub(crate) fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), VolatileMemoryError> {
        let (offset, len) = (offset as usize, data.len());
        self.map.get_slice(offset, len)?.read_slice(data, 0)
    }

    /// The bytes where they are, for a copy that is to touch them only once.
    pub(crate) fn slice(
        &self,
        offset: u64,
        len: usize,
    ) -> Result<VolatileSlice<'_>, VolatileMemoryError> {
        self.map.get_slice(offset as usize, len)
    }

    /// Copies in; an error (bytes outside VRAM) has copied nothing.
    pub(crate) fn write(&self, offset: u64, data: &[u8]) -> Result<(), VolatileMemoryError> {
        let (offset, len) = (offset as usize, data.len());
        self.map.get_slice(offset, len)?.write_slice(data, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn it_is_sparse_zeroed_bounded_and_of_a_fixed_size() {
        let vram = Vram::new(1 << 30).unwrap();
        assert_eq!(vram.size(), 1 << 30);
        let mut bytes = [0xff; 8];
        vram.read((1 << 30) - 8, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 8]);
        vram.write(4096, &[1, 2, 3]).unwrap();
        assert!(vram.file.metadata().unwrap().blocks() * 512 < 1 << 22);

        assert!(vram.read((1 << 30) - 7, &mut bytes).is_err());
        assert!(vram.write(u64::MAX, &[0]).is_err());
        assert!(vram.file.set_len(0).is_err());
        assert!(vram.file.set_len(2 << 30).is_err());
    }
}
