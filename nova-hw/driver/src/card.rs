// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What every part of the driver needs of the card: its registers and its memory.

use std::sync::atomic::{AtomicBool, Ordering};

use nova_pci::Pci;
use nova_spec::{register::Register, regs::NV_PBUS_BAR1_BLOCK};

use crate::{
    command::Enabled,
    dma::{DmaBuffer, DmaError, DmaReach, DmaSpace},
    error::{at, ProbeError},
    registers::Registers,
};

/// A card that was taken over. The parts that have something to undo share it.
pub(crate) struct Card<P: Pci> {
    // The BAR goes before the device does.
    pub(crate) registers: Registers<P::Bar>,
    pub(crate) dma: DmaSpace,
    /// `NV_PMC_BOOT_0`, which falcons are given.
    pub(crate) boot_0: u32,
    pub(crate) enabled: Enabled<P>,
    /// BAR1 has page tables, and is no image of VRAM any more.
    pub(crate) bar1_is_virtual: AtomicBool,
    /// It gets no more memory.
    pub(crate) is_lost: AtomicBool,
}

impl<P: Pci> Card<P> {
    /// BAR1 gets page tables, or is an image of VRAM again.
    pub(crate) fn set_bar1_virtual(&self, is_virtual: bool) {
        self.bar1_is_virtual.store(is_virtual, Ordering::Release);
    }

    /// The device.
    pub(crate) fn pci(&self) -> &P {
        self.enabled.pci()
    }

    /// What a device needs after power-on and after each reset: memory decode, BAR1 in physical
    /// mode, whatever whoever had the card before left, and bus mastering.
    pub(crate) fn set_up_bus(&self) -> Result<(), ProbeError> {
        self.enabled.decode_memory()?;
        let physical = NV_PBUS_BAR1_BLOCK::DEFAULT.into_raw();
        let written = self
            .registers
            .write_offset(NV_PBUS_BAR1_BLOCK::OFFSET, physical);
        written.map_err(at("put BAR1 into physical mode"))?;
        self.set_bar1_virtual(false);
        self.enabled.bus_master()
    }

    /// Keeps a card from memory, as long as nobody turns bus mastering on again. What does not
    /// work is only logged.
    fn stop_bus_mastering(&self) {
        if let Err(error) = self.enabled.decode_memory() {
            tracing::warn!(%error, "bus mastering could not be turned off");
        }
    }

    /// Keeps a card that is lost from memory, and gives it no more: an address that it still uses
    /// must not become another's. Whether it is known to reach none.
    pub(crate) fn cut_off(&self) -> bool {
        self.is_lost.store(true, Ordering::SeqCst);
        let Err(error) = self.enabled.decode_memory() else {
            return true;
        };
        tracing::warn!(%error, "bus mastering could not be turned off");
        match self.pci().reset() {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the GPU could not be reset; its memory is not used again");
                false
            }
        }
    }

    /// Fails on a card that is lost.
    pub(crate) fn check_dma(&self) -> Result<(), DmaError> {
        match self.is_lost.load(Ordering::SeqCst) {
            true => Err(DmaError::Lost),
            false => Ok(()),
        }
    }

    /// Keeps a card from memory that does not end what it was told to do: without bus mastering
    /// first, then by a reset. What does not work is only logged.
    pub(crate) fn silence(&self) {
        self.stop_bus_mastering();
        match self.pci().reset() {
            Ok(()) => drop(self.enabled.decode_memory()),
            Err(error) => tracing::warn!(%error, "the GPU could not be reset"),
        }
    }

    /// New zeroed memory that the GPU reaches.
    pub(crate) fn alloc(
        &self,
        len: u64,
        reach: DmaReach,
    ) -> Result<DmaBuffer<P::Mapping>, DmaError> {
        self.check_dma()?;
        self.dma.alloc(self.pci(), len, reach)
    }

    /// New memory that starts with `data`.
    pub(crate) fn alloc_with(
        &self,
        data: &[u8],
        reach: DmaReach,
    ) -> Result<DmaBuffer<P::Mapping>, DmaError> {
        let buffer = self.alloc(data.len() as u64, reach)?;
        buffer.write(0, data)?;
        Ok(buffer)
    }
}
