// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The sysmem flush page: what the memory interface reads to push its earlier writes to system
//! memory out. Without one a flush would read bus address 0.

use std::sync::Arc;

use nova_pci::{Pci, PAGE_SIZE};
use nova_spec::{
    register::FixedRegister,
    regs::{flush_sysmem_addr, NV_PFB_NISO_FLUSH_SYSMEM_ADDR, NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI},
};

use crate::{
    card::Card,
    dma::{DmaBuffer, DmaReach},
    error::Cause,
};

/// A flush page that is set, until this is dropped.
pub(crate) struct FlushPage<P: Pci> {
    card: Arc<Card<P>>,
    page: DmaBuffer<P::Mapping>,
    is_set: bool,
}

impl<P: Pci> FlushPage<P> {
    /// Allocates a page and sets it.
    pub(crate) fn set(card: &Arc<Card<P>>) -> Result<Self, Cause> {
        let page = card.alloc(PAGE_SIZE, DmaReach::Bits40)?;
        let address = page.bus_address();
        let flush_page = Self {
            card: card.clone(),
            page,
            is_set: true,
        };
        flush_page.write(address)?;
        Ok(flush_page)
    }

    /// Takes the page back, if it is still the one that was set, or none since a reset.
    pub(crate) fn clear(&mut self) -> Result<(), Cause> {
        if !std::mem::take(&mut self.is_set) {
            return Ok(());
        }
        let registers = &self.card.registers;
        let low = registers.read_any(NV_PFB_NISO_FLUSH_SYSMEM_ADDR::LOCATION)?;
        let high = registers.read_any(NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI::LOCATION)?;
        let set = self.page.bus_address();
        if (low, high) == flush_sysmem_addr(0) {
            return Ok(());
        }
        if (low, high) != flush_sysmem_addr(set) {
            let found = u64::from(low.value()) << 8 | u64::from(high.raw_value()) << 40;
            return Err(Cause::FlushPage { found, set });
        }
        self.write(0)
    }

    fn write(&self, address: u64) -> Result<(), Cause> {
        let (low, high) = flush_sysmem_addr(address);
        // The low half last: it is what makes an older chip take the address.
        self.card.registers.write(high)?;
        self.card.registers.write(low)
    }
}

impl<P: Pci> Drop for FlushPage<P> {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            tracing::warn!(%error, "the sysmem flush page was not cleared");
        }
    }
}
