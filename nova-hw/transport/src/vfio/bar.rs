// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Regions of a device by `pread` and `pwrite`.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use nova_pci::{Bar, BarIndex, BarMemory, PciError};
use rustix::io::Errno;

use super::device::Inner;
use crate::access::{check_aligned, check_range};

/// A part of the device's file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Region {
    pub(crate) size: u64,
    /// Where it starts in the device's file.
    pub(crate) offset: u64,
    /// It can be mapped.
    pub(crate) mmap: bool,
}

impl Region {
    pub(crate) fn read(&self, device: &File, offset: u64, data: &mut [u8]) -> io::Result<()> {
        device.read_exact_at(data, self.offset + offset)
    }

    pub(crate) fn write(&self, device: &File, offset: u64, data: &[u8]) -> io::Result<()> {
        device.write_all_at(data, self.offset + offset)
    }
}

/// A BAR of a [`VfioPci`](super::VfioPci) device.
pub struct VfioBar {
    pub(super) device: Arc<Inner>,
    pub(super) index: BarIndex,
    pub(super) region: Region,
}

impl VfioBar {
    /// Whether an access failed only because the device decodes no memory: on a bus that reads
    /// as all-ones.
    fn is_off(&self, error: &io::Error) -> Result<bool, PciError> {
        if Errno::from_io_error(error) != Some(Errno::IO) {
            return Ok(false);
        }
        Ok(!self.device.decodes_memory()?)
    }
}

impl Bar for VfioBar {
    fn size(&self) -> u64 {
        self.region.size
    }

    // The kernel makes one access of a call of 4 aligned bytes.
    fn read32(&self, offset: u64) -> Result<u32, PciError> {
        check_aligned(self.index.name(), offset)?;
        let mut data = [0; 4];
        self.read(offset, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }

    fn write32(&self, offset: u64, value: u32) -> Result<(), PciError> {
        check_aligned(self.index.name(), offset)?;
        self.write(offset, &value.to_le_bytes())
    }

    fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        check_range(self.index.name(), self.region.size, offset, data.len())?;
        match self.region.read(self.device.file(), offset, data) {
            Err(error) if self.is_off(&error)? => {
                data.fill(0xff);
                Ok(())
            }
            other => Ok(other?),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        check_range(self.index.name(), self.region.size, offset, data.len())?;
        match self.region.write(self.device.file(), offset, data) {
            Err(error) if self.is_off(&error)? => Ok(()),
            other => Ok(other?),
        }
    }

    fn memory(&self) -> Option<BarMemory> {
        self.region.mmap.then(|| BarMemory {
            file: self.device.file().clone(),
            offset: self.region.offset,
            len: self.region.size,
        })
    }
}
