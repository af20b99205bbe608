// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The model with single answers replaced, for what no model would say.

use std::{io, ops::RangeInclusive, sync::Arc};

use nova_model::{Model, ModelBar, ModelMapping};
use nova_pci::{Bar, BarIndex, BarMemory, DmaMemory, EventFd, Pci, PciError};

/// What is replaced: configuration words and BAR0 dwords by offset, BAR sizes by index.
#[derive(Clone, Default)]
pub struct Lies {
    pub config16: Vec<(u16, u16)>,
    pub bar0: Vec<(u64, u32)>,
    pub sizes: Vec<(BarIndex, u64)>,
    /// Reading this BAR0 offset fails, as when a transport's peer is gone.
    pub broken: Option<u64>,
}

/// A model that lies.
pub struct Liar {
    pub model: Model,
    pub lies: Arc<Lies>,
}

pub struct LiarBar {
    bar: ModelBar,
    index: BarIndex,
    lies: Arc<Lies>,
}

impl Pci for Liar {
    type Bar = LiarBar;
    type Mapping = ModelMapping;

    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.model.config_read(offset, data)?;
        for (lie, value) in &self.lies.config16 {
            for (at, byte) in (*lie..).zip(value.to_le_bytes()) {
                if let Some(place) = at
                    .checked_sub(offset)
                    .and_then(|at| data.get_mut(usize::from(at)))
                {
                    *place = byte;
                }
            }
        }
        Ok(())
    }

    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        self.model.config_write(offset, data)
    }

    fn bar(&self, index: BarIndex) -> Result<LiarBar, PciError> {
        Ok(LiarBar {
            bar: self.model.bar(index)?,
            index,
            lies: self.lies.clone(),
        })
    }

    fn rom_size(&self) -> u64 {
        self.model.rom_size()
    }

    fn rom_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        self.model.rom_read(offset, data)
    }

    fn dma_ranges(&self) -> Result<Vec<RangeInclusive<u64>>, PciError> {
        self.model.dma_ranges()
    }

    fn dma_map(&self, bus_address: u64, memory: &Arc<DmaMemory>) -> Result<ModelMapping, PciError> {
        self.model.dma_map(bus_address, memory)
    }

    fn enable_msi(&self) -> Result<EventFd, PciError> {
        self.model.enable_msi()
    }

    fn disable_msi(&self) -> Result<(), PciError> {
        self.model.disable_msi()
    }

    fn reset(&self) -> Result<(), PciError> {
        self.model.reset()
    }
}

impl Bar for LiarBar {
    fn size(&self) -> u64 {
        let lie = self
            .lies
            .sizes
            .iter()
            .find(|(index, _)| *index == self.index);
        lie.map_or(self.bar.size(), |(_, size)| *size)
    }

    fn read32(&self, offset: u64) -> Result<u32, PciError> {
        if self.index == BarIndex::Bar0 {
            if self.lies.broken == Some(offset) {
                return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
            }
            if let Some((_, value)) = self.lies.bar0.iter().find(|(lie, _)| *lie == offset) {
                return Ok(*value);
            }
        }
        self.bar.read32(offset)
    }

    fn write32(&self, offset: u64, value: u32) -> Result<(), PciError> {
        self.bar.write32(offset, value)
    }

    fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        self.bar.read(offset, data)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        self.bar.write(offset, data)
    }

    fn memory(&self) -> Option<BarMemory> {
        self.bar.memory()
    }
}
