// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The card: configuration space, registers and memory behind the PCI seam.

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nova_pci::{Bar, BarIndex, BarMemory, DmaMemory, EventFd, Pci, PciError};
use nova_spec::{chip::Chip, pci::CONFIG_SIZE};

use crate::{
    board::Board,
    builder::Builder,
    bus::{Bus, ADDRESS_BITS},
    config::ConfigSpace,
    gpu::{wpr, Gpu},
    interrupt::{Interrupt, Interrupts},
    register_file::{parts, RegisterFile},
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
    vram: Arc<Vram>,
    pub(crate) bus: Arc<Bus>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) interrupts: Interrupts,
    pub(crate) config: ConfigSpace,
    gpu: Gpu,
    /// No register is declared in BAR3: this only logs.
    bar3: RegisterFile,
}

impl State {
    /// The whole card as after power-on.
    pub(crate) fn reset(&mut self) {
        self.config.reset();
        self.gpu.reset();
        self.config_changed();
    }

    /// Follows what was written to configuration space.
    pub(crate) fn config_changed(&mut self) {
        self.gpu.dma.set_master(self.config.is_bus_master());
    }

    /// After an access: what it set off leaves the card.
    fn settle(&mut self) {
        if self.gpu.dma.take_abort() {
            self.config.set_master_abort();
        }
        if self.gpu.take_interrupt() {
            self.interrupts.send();
        }
    }
}

impl Card {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Each access leaves the state whole, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    /// Chooses a card.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(chip: Chip, board: Board, vram: Vram) -> Self {
        let (vram, bus) = (Arc::new(vram), Arc::<Bus>::default());
        let state = Mutex::new(State {
            interrupts: Interrupts::default(),
            config: ConfigSpace::new(&chip),
            gpu: Gpu::new(&chip, board, vram.clone(), bus.clone()),
            bar3: RegisterFile::new(Vec::new()),
        });
        Self {
            card: Arc::new(Card {
                chip,
                vram,
                bus,
                state,
            }),
        }
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
            BarIndex::Bar1 => (Window::Vram, chip.bar1_size),
            BarIndex::Bar3 => (Window::Instance, chip.bar3_size),
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
        let state = self.card.state();
        for (at, byte) in (offset as usize..).zip(data) {
            *byte = state.gpu.rom().get(at).copied().unwrap_or(0);
        }
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
        let mut state = self.card.state();
        state.config.reset_keeping_bars();
        state.gpu.reset();
        state.config_changed();
        Ok(())
    }
}

/// A memory BAR of a [`Model`]. While the card does not decode memory it reads as all-ones
/// and drops writes, as a bus does.
#[derive(Debug)]
pub struct ModelBar {
    card: Arc<Card>,
    window: Window,
    size: u64,
    name: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Window {
    Registers,
    Vram,
    Instance,
}

impl Bar for ModelBar {
    fn size(&self) -> u64 {
        self.size
    }

    fn read32(&self, offset: u64) -> Result<u32, PciError> {
        check_aligned(self.name, offset)?;
        let mut data = [0; 4];
        self.read(offset, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }

    fn write32(&self, offset: u64, value: u32) -> Result<(), PciError> {
        check_aligned(self.name, offset)?;
        self.write(offset, &value.to_le_bytes())
    }

    fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        check_range(self.name, self.size, offset, data.len())?;
        let mut guard = self.card.state();
        let state = &mut *guard;
        if !state.config.decodes_memory() {
            data.fill(0xff);
            return Ok(());
        }
        match self.window {
            Window::Registers => {
                state.gpu.read(&state.config, offset, data);
                state.settle();
            }
            Window::Instance => {
                for part in parts(offset, data.len()) {
                    part.put(state.bar3.read(part.register), data);
                }
            }
            Window::Vram if !state.gpu.bar1_is_physical() => data.fill(0xff),
            Window::Vram => {
                let wpr2 = state.gpu.wpr2();
                drop(guard);
                wpr::cpu_read(&self.card.vram, wpr2.as_ref(), offset, data);
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        check_range(self.name, self.size, offset, data.len())?;
        let mut guard = self.card.state();
        let state = &mut *guard;
        if !state.config.decodes_memory() {
            return Ok(());
        }
        match self.window {
            Window::Registers => {
                state.gpu.write(offset, data);
                state.settle();
            }
            Window::Instance => {
                for part in parts(offset, data.len()) {
                    state.bar3.write(part.register, part.written(data));
                }
            }
            Window::Vram if !state.gpu.bar1_is_physical() => {}
            Window::Vram => {
                let wpr2 = state.gpu.wpr2();
                drop(guard);
                wpr::cpu_write(&self.card.vram, wpr2.as_ref(), offset, data);
            }
        }
        Ok(())
    }

    fn memory(&self) -> Option<BarMemory> {
        match self.window {
            Window::Vram => Some(BarMemory {
                file: self.card.vram.file(),
                offset: 0,
                len: self.size,
            }),
            Window::Registers | Window::Instance => None,
        }
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

fn check_aligned(space: &'static str, offset: u64) -> Result<(), PciError> {
    if offset % 4 == 0 {
        return Ok(());
    }
    Err(PciError::Misaligned {
        space,
        offset,
        len: 4,
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
