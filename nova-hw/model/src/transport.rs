// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a transport that carries the card elsewhere (vfio-user) needs beyond the PCI seam:
//! accesses of any width, DMA ranges that change in parts, interrupts that go to counters of
//! the peer.
//!
//! The rest is the seam's: [`Pci::bar`](nova_pci::Pci::bar) for the BARs, whose `read` and
//! `write` take any width, `memory` for the file behind BAR1,
//! [`Pci::rom_read`](nova_pci::Pci::rom_read), [`Pci::reset`](nova_pci::Pci::reset). A reset
//! changes no DMA map: those are the bus's.

use std::{io::Write, sync::Arc};

use nova_pci::{DmaMemory, EventFd, PciError};
use nova_spec::{chip::Chip, pci::CONFIG_SIZE};

use crate::{
    device::{check_range, Model, CONFIG},
    fault::FaultPlan,
    interrupt::Interrupt,
    trace::Trace,
};

impl Model {
    /// The row of the chip table that this card is.
    pub fn chip(&self) -> &Chip {
        &self.card.chip
    }

    /// Reads configuration space, any bytes of it.
    ///
    /// # Errors
    /// [`PciError::OutOfRange`].
    pub fn config_region_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        let offset = config_offset(offset, data.len())?;
        let card = &self.card;
        card.state().read_config(offset, data);
        Ok(())
    }

    /// Writes configuration space, any bytes of it, as one access.
    ///
    /// # Errors
    /// [`PciError::OutOfRange`].
    pub fn config_region_write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        let offset = config_offset(offset, data.len())?;
        let card = &self.card;
        card.state().write_config(offset, data);
        Ok(())
    }

    /// Has the faults of `plan` happen from now on, and no others.
    pub fn set_faults(&self, plan: &FaultPlan) {
        self.card.state().set_faults(plan);
    }

    /// Records every access to BAR0 from now on, a line each, as `vhost-nova probe --trace`
    /// does; `None` ends that. Give it something buffered, which is flushed at the end.
    pub fn set_trace(&self, to: Option<Box<dyn Write + Send>>) {
        self.card.state().set_trace(to.map(Trace::new));
    }

    /// Shows memory to the card from `bus_address` on, until [`Self::unmap_dma`].
    ///
    /// # Errors
    /// [`PciError::DmaAddress`] when the range is not of pages, taken, or above what the card
    /// can address.
    pub fn map_dma(&self, bus_address: u64, memory: Arc<DmaMemory>) -> Result<(), PciError> {
        self.card.bus.map(bus_address, memory)
    }

    /// Takes away what is mapped in `len` bytes from `bus_address` on: any number of maps, and
    /// parts of them.
    pub fn unmap_dma(&self, bus_address: u64, len: u64) {
        self.card.bus.unmap(bus_address, len);
    }

    /// Where interrupts of a kind are counted; `None` turns them off. MSI wins over INTx.
    pub fn set_interrupt(&self, kind: Interrupt, event: Option<EventFd>) {
        self.card.state().interrupts.set(kind, event);
    }
}

fn config_offset(offset: u64, len: usize) -> Result<u16, PciError> {
    check_range(CONFIG, CONFIG_SIZE.into(), offset, len)?;
    // Checked: not above the size. An empty access there is none.
    Ok(u16::try_from(offset).unwrap_or(CONFIG_SIZE))
}
