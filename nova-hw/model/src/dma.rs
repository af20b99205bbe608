// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The card's DMA: the bus while the card is a bus master.

use std::sync::Arc;

use crate::bus::Bus;

/// Why a DMA did not happen, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DmaError {
    /// Nobody answers at this address.
    #[error("no memory at bus address {0:#x}")]
    Unmapped(u64),
    /// The command register does not allow it.
    #[error("the card is no bus master")]
    NotMaster,
}

/// What the engines reach memory through.
#[derive(Debug)]
pub(crate) struct Dma {
    bus: Arc<Bus>,
    master: bool,
    aborted: bool,
}

impl Dma {
    pub(crate) fn new(bus: Arc<Bus>) -> Self {
        Self {
            bus,
            master: false,
            aborted: false,
        }
    }

    /// Follows the bus master bit of the command register.
    pub(crate) fn set_master(&mut self, master: bool) {
        self.master = master;
    }

    /// Whether a DMA was not answered since this was last asked: the status register's
    /// received master abort.
    pub(crate) fn take_abort(&mut self) -> bool {
        std::mem::take(&mut self.aborted)
    }

    /// Copies memory into `data`.
    pub(crate) fn read(&mut self, address: u64, data: &mut [u8]) -> Result<(), DmaError> {
        self.check_master()?;
        let done = self.bus.read(address, data);
        done.map_err(|error| self.abort(error.0))
    }

    /// Copies `data` into memory.
    pub(crate) fn write(&mut self, address: u64, data: &[u8]) -> Result<(), DmaError> {
        self.check_master()?;
        let done = self.bus.write(address, data);
        done.map_err(|error| self.abort(error.0))
    }

    /// Reads eight bytes, little endian.
    pub(crate) fn read64(&mut self, address: u64) -> Result<u64, DmaError> {
        let mut data = [0; 8];
        self.read(address, &mut data)?;
        Ok(u64::from_le_bytes(data))
    }

    /// Reads four bytes, little endian.
    pub(crate) fn read32(&mut self, address: u64) -> Result<u32, DmaError> {
        let mut data = [0; 4];
        self.read(address, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }

    fn check_master(&self) -> Result<(), DmaError> {
        match self.master {
            true => Ok(()),
            false => Err(DmaError::NotMaster),
        }
    }

    fn abort(&mut self, address: u64) -> DmaError {
        self.aborted = true;
        DmaError::Unmapped(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_pci::DmaMemory;

    #[test]
    fn only_a_bus_master_reaches_memory() {
        let bus = Arc::new(Bus::default());
        let memory = DmaMemory::new(4096).unwrap();
        bus.map(0x1000, memory.clone()).unwrap();
        let mut dma = Dma::new(bus);
        assert_eq!(dma.write(0x1000, &[1]), Err(DmaError::NotMaster));
        dma.set_master(true);
        dma.write(0x1008, &[1]).unwrap();
        assert_eq!(dma.read64(0x1008), Ok(1));
        assert_eq!(memory.load64(0).unwrap(), 0);
        assert!(!dma.take_abort());
        assert_eq!(dma.read32(0x2000), Err(DmaError::Unmapped(0x2000)));
        assert!(dma.take_abort() && !dma.take_abort());
    }
}
