// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! BAR1 in physical mode: the first part of VRAM, as the CPU reaches it.

use nova_pci::{Bar, BarMemory, PciError};

/// VRAM through BAR1; offsets are VRAM addresses. Not to be kept while BAR1 changes its mode.
pub struct Vram<'a, B> {
    bar: &'a B,
    size: u64,
}

impl<'a, B: Bar> Vram<'a, B> {
    pub(crate) fn new(bar: &'a B, size: u64) -> Self {
        Self { bar, size }
    }

    /// Bytes of VRAM that can be reached: no more than BAR1 has, nor than there is VRAM.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Copies VRAM into `data`. An access that is not all inside [`Self::size`] is
    /// [`PciError::OutOfRange`] and touches nothing.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        self.check(offset, data.len())?;
        self.bar.read(offset, data)
    }

    /// Copies `data` into VRAM. An access that is not all inside [`Self::size`] is
    /// [`PciError::OutOfRange`] and touches nothing.
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        self.check(offset, data.len())?;
        self.bar.write(offset, data)
    }

    /// The memory to map for whom this part of VRAM is meant, where the transport has it.
    pub fn memory(&self) -> Option<BarMemory> {
        let memory = self.bar.memory()?;
        let len = memory.len.min(self.size);
        Some(BarMemory { len, ..memory })
    }

    fn check(&self, offset: u64, len: usize) -> Result<(), PciError> {
        let end = offset.checked_add(len as u64);
        if end.is_some_and(|end| end <= self.size) {
            return Ok(());
        }
        Err(PciError::OutOfRange {
            space: "VRAM in BAR1",
            offset,
            len,
            size: self.size,
        })
    }
}
