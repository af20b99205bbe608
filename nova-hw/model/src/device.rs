// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The card: configuration space, registers and memory behind the PCI seam.

use std::{ops::RangeInclusive, sync::Arc};

use nova_pci::{BarIndex, DmaMemory, EventFd, Pci, PciError};
use nova_spec::{chip::Chip, pci::CONFIG_SIZE};
use parking_lot::{Mutex, MutexGuard};

use crate::{
    bar::ModelBar,
    board::Board,
    builder::Builder,
    bus::{Bus, ADDRESS_BITS},
    config::ConfigSpace,
    gpu::{
        host::{Counters, Underway},
        BarWindow, Gpu,
    },
    interrupt::Interrupt,
    state::{State, Window},
    timer::Timer,
    vram::Vram,
};

pub(crate) const CONFIG: &str = "configuration space";

/// A card. A clone is the same card, seen once more.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) card: Arc<Card>,
}

#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) chip: Chip,
    pub(crate) vram: Arc<Vram>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) timer: Timer,
    /// See [`Underway`]. Taken after the state's lock, and never before it.
    pub(crate) underway: Underway,
    state: Mutex<State>,
}

impl Card {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Model {
    /// Chooses a card.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(chip: Chip, board: Board, vram: Vram) -> Self {
        let (vram, bus) = (Arc::new(vram), Arc::<Bus>::default());
        let underway = Underway::default();
        let gpu = Gpu::new(&chip, board, vram.clone(), bus.clone(), underway.clone());
        let state = Mutex::new(State::new(ConfigSpace::new(&chip), gpu));
        Self {
            card: Arc::new(Card {
                chip,
                vram,
                bus,
                timer: Timer::default(),
                underway,
                state,
            }),
        }
    }

    /// What the copy engines have done since the card was built.
    pub fn counters(&self) -> Counters {
        self.card.state().counters()
    }

    #[cfg(test)]
    pub(crate) fn vram_size(&self) -> u64 {
        self.card.vram.size()
    }
}

/// Memory that is mapped for the DMA of a [`Model`], until this is dropped.
#[derive(Debug)]
pub struct ModelMapping {
    bus: Arc<Bus>,
    start: u64,
    len: u64,
}

impl Drop for ModelMapping {
    fn drop(&mut self) {
        self.bus.unmap(self.start, self.len);
    }
}

impl Pci for Model {
    type Bar = ModelBar;
    type Mapping = ModelMapping;

    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        check_config(offset, data.len())?;
        self.config_region_read(offset.into(), data)
    }

    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        check_config(offset, data.len())?;
        self.config_region_write(offset.into(), data)
    }

    fn bar(&self, index: BarIndex) -> Result<ModelBar, PciError> {
        let chip = &self.card.chip;
        let (window, size) = match index {
            BarIndex::Bar0 => (Window::Registers, chip.bar0_size),
            BarIndex::Bar1 => (Window::Memory(BarWindow::Bar1), chip.bar1_size),
            BarIndex::Bar3 => (Window::Memory(BarWindow::Bar2), chip.bar3_size),
            BarIndex::Bar2 | BarIndex::Bar4 | BarIndex::Bar5 => return Err(PciError::NoBar(index)),
        };
        let card = self.card.clone();
        Ok(ModelBar {
            card,
            window,
            size,
            name: index.name(),
        })
    }

    fn rom_size(&self) -> u64 {
        self.card.chip.rom_size
    }

    fn rom_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        check_range("the option ROM", self.rom_size(), offset, data.len())?;
        self.card.state().read_rom(offset, data);
        Ok(())
    }

    fn dma_ranges(&self) -> Result<Vec<RangeInclusive<u64>>, PciError> {
        Ok(vec![0..=(1 << ADDRESS_BITS) - 1])
    }

    fn dma_map(&self, start: u64, memory: &Arc<DmaMemory>) -> Result<ModelMapping, PciError> {
        let bus = self.card.bus.clone();
        bus.map(start, memory.clone())?;
        let len = memory.len();
        Ok(ModelMapping { bus, start, len })
    }

    fn enable_msi(&self) -> Result<EventFd, PciError> {
        let event = EventFd::new(libc::EFD_NONBLOCK)?;
        let mut state = self.card.state();
        state
            .interrupts
            .set(Interrupt::Msi, Some(event.try_clone()?));
        state.config.set_msi_enabled(true);
        Ok(event)
    }

    fn disable_msi(&self) -> Result<(), PciError> {
        let mut state = self.card.state();
        state.interrupts.set(Interrupt::Msi, None);
        state.config.set_msi_enabled(false);
        Ok(())
    }

    fn reset(&self) -> Result<(), PciError> {
        self.card.state().reset(true);
        Ok(())
    }
}

pub(crate) fn check_range(
    space: &'static str,
    size: u64,
    offset: u64,
    len: usize,
) -> Result<(), PciError> {
    let end = offset.checked_add(len as u64);
    if end.is_some_and(|end| end <= size) {
        return Ok(());
    }
    Err(PciError::OutOfRange {
        space,
        offset,
        len,
        size,
    })
}

fn check_config(offset: u16, len: usize) -> Result<(), PciError> {
    check_range(CONFIG, u64::from(CONFIG_SIZE), u64::from(offset), len)?;
    if matches!(len, 1 | 2 | 4) && usize::from(offset) % len == 0 {
        return Ok(());
    }
    Err(PciError::Misaligned {
        space: CONFIG,
        offset: u64::from(offset),
        len,
    })
}
