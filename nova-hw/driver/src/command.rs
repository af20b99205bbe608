// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The command register, set for a driver and given back after it (PCI 3.0 section 6.2.2).

use nova_pci::{Pci, PciError};
use nova_spec::pci::{command, header};

use crate::error::{at, ProbeError};

/// A device that decodes memory while this lives.
///
/// Dropping it restores the command register, but for bus mastering, which is then off: what
/// a device was told to read or write before belongs to nobody now.
pub(crate) struct Enabled<P: Pci> {
    pci: P,
    before: u16,
}

impl<P: Pci> Enabled<P> {
    /// Turns memory decode on, and bus mastering off until the device is known.
    pub(crate) fn memory(pci: P) -> Result<Self, ProbeError> {
        let before = pci
            .config_read16(header::COMMAND)
            .map_err(at("read the command register"))?;
        let before = before & !command::BUS_MASTER;
        let enabled = Self { pci, before };
        enabled.decode_memory()?;
        Ok(enabled)
    }

    /// Turns memory decode on, and bus mastering off.
    pub(crate) fn decode_memory(&self) -> Result<(), ProbeError> {
        self.set(self.before | command::MEMORY)
    }

    /// The device.
    pub(crate) fn pci(&self) -> &P {
        &self.pci
    }

    /// Lets the device start transactions: DMA and MSI.
    pub(crate) fn bus_master(&self) -> Result<(), ProbeError> {
        self.set(self.before | command::MEMORY | command::BUS_MASTER)
    }

    fn set(&self, wanted: u16) -> Result<(), ProbeError> {
        self.write(wanted)
            .map_err(at("write the command register"))?;
        let command = self.pci.config_read16(header::COMMAND);
        let command = command.map_err(at("read the command register"))?;
        if command == u16::MAX || command & wanted != wanted {
            return Err(ProbeError::CommandRefused { wanted, command });
        }
        Ok(())
    }

    fn write(&self, value: u16) -> Result<(), PciError> {
        self.pci.config_write(header::COMMAND, &value.to_le_bytes())
    }
}

impl<P: Pci> Drop for Enabled<P> {
    fn drop(&mut self) {
        if let Err(error) = self.write(self.before) {
            tracing::warn!(%error, "the PCI command register was not restored");
        }
    }
}
