// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A memory BAR of the card, as the seam has it.

use std::sync::Arc;

use nova_pci::{Bar, BarMemory, PciError};

use crate::{
    device::{check_range, Card},
    gpu::{wpr, BarWindow},
    state::Window,
    timer::Timer,
};

/// A memory BAR of a [`Model`](crate::Model). While the card does not decode memory it reads as
/// all-ones and drops writes, as a bus does.
#[derive(Debug)]
pub struct ModelBar {
    pub(crate) card: Arc<Card>,
    pub(crate) window: Window,
    pub(crate) size: u64,
    pub(crate) name: &'static str,
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
        let card = &self.card;
        let mut state = card.state();
        state.flush_posted();
        if !state.answers() {
            data.fill(0xff);
            return Ok(());
        }
        if state.is_direct(self.window) {
            // Large copies do not keep other threads from the registers.
            let wpr2 = state.wpr2();
            drop(state);
            wpr::cpu_read(&card.vram, wpr2.as_ref(), offset, data);
            return Ok(());
        }
        state.read(self.window, offset, data);
        if state.timer_is_needed() {
            drop(state);
            Timer::wake(card);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        check_range(self.name, self.size, offset, data.len())?;
        let card = &self.card;
        let mut state = card.state();
        if !state.answers() {
            return Ok(());
        }
        if state.is_direct(self.window) && !state.posts() {
            let wpr2 = state.wpr2();
            drop(state);
            wpr::cpu_write(&card.vram, wpr2.as_ref(), offset, data);
            return Ok(());
        }
        state.write(self.window, offset, data);
        if state.timer_is_needed() {
            drop(state);
            Timer::wake(card);
        }
        Ok(())
    }

    /// BAR1 in physical mode. A mapping shows VRAM as it is, so it is wrong once BAR1 goes
    /// through page tables: a driver that has BAR1 so does without one.
    fn memory(&self) -> Option<BarMemory> {
        let bar1 = Window::Memory(BarWindow::Bar1);
        let direct = self.window == bar1 && self.card.state().is_direct(bar1);
        direct.then(|| BarMemory {
            file: self.card.vram.file(),
            offset: 0,
            len: self.size,
        })
    }
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
