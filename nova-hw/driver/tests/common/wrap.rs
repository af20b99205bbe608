// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A device that passes everything on, and can be told not to: to count what a driver does
//! without the device at work, and to have no MSI.
#![allow(dead_code)] // each test uses a part

use std::{
    ops::RangeInclusive,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
        Arc,
    },
};

use nova_pci::{Bar, BarIndex, BarMemory, DmaMemory, EventFd, Pci, PciError};

/// `NV_VIRTUAL_FUNCTION_DOORBELL`.
const DOORBELL: u64 = 0xbb_0090;

#[derive(Default)]
pub struct Switches {
    /// Doorbells are counted and lost.
    pub is_deaf: AtomicBool,
    pub doorbells: AtomicU64,
    /// Other accesses to BAR0.
    pub others: AtomicU64,
    pub has_no_msi: AtomicBool,
}

#[derive(Clone)]
pub struct Wrap<P> {
    pub pci: P,
    pub switches: Arc<Switches>,
}

impl<P> Wrap<P> {
    pub fn new(pci: P) -> Self {
        Self {
            pci,
            switches: Arc::default(),
        }
    }
}

pub struct WrapBar<B> {
    bar: B,
    switches: Option<Arc<Switches>>,
}

impl<B> WrapBar<B> {
    /// Whether the access is passed on.
    fn passes(&self, offset: u64) -> bool {
        let Some(switches) = &self.switches else {
            return true;
        };
        if offset == DOORBELL {
            switches.doorbells.fetch_add(1, SeqCst);
            return !switches.is_deaf.load(SeqCst);
        }
        switches.others.fetch_add(1, SeqCst);
        true
    }
}

impl<P: Pci> Pci for Wrap<P> {
    type Bar = WrapBar<P::Bar>;
    type Mapping = P::Mapping;

    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.pci.config_read(offset, data)
    }

    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        self.pci.config_write(offset, data)
    }

    fn bar(&self, index: BarIndex) -> Result<Self::Bar, PciError> {
        Ok(WrapBar {
            bar: self.pci.bar(index)?,
            switches: (index == BarIndex::Bar0).then(|| self.switches.clone()),
        })
    }

    fn rom_size(&self) -> u64 {
        self.pci.rom_size()
    }

    fn rom_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        self.pci.rom_read(offset, data)
    }

    fn dma_ranges(&self) -> Result<Vec<RangeInclusive<u64>>, PciError> {
        self.pci.dma_ranges()
    }

    fn dma_map(&self, start: u64, memory: &Arc<DmaMemory>) -> Result<P::Mapping, PciError> {
        self.pci.dma_map(start, memory)
    }

    fn enable_msi(&self) -> Result<EventFd, PciError> {
        match self.switches.has_no_msi.load(SeqCst) {
            true => Err(PciError::NoMsi),
            false => self.pci.enable_msi(),
        }
    }

    fn disable_msi(&self) -> Result<(), PciError> {
        self.pci.disable_msi()
    }

    fn reset(&self) -> Result<(), PciError> {
        self.pci.reset()
    }
}

impl<B: Bar> Bar for WrapBar<B> {
    fn size(&self) -> u64 {
        self.bar.size()
    }

    fn read32(&self, offset: u64) -> Result<u32, PciError> {
        self.passes(offset);
        self.bar.read32(offset)
    }

    fn write32(&self, offset: u64, value: u32) -> Result<(), PciError> {
        match self.passes(offset) {
            true => self.bar.write32(offset, value),
            false => Ok(()),
        }
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
