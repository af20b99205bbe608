// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Instance memory: VRAM by the CPU, through the PRAMIN window in BAR0. For page tables and
//! instance blocks.
//!
//! Why not through BAR1: PRAMIN works in whichever mode BAR1 is, needs no page tables of its own
//! and no invalidation before it shows something else, takes nothing of BAR1's address space,
//! which tenants need, and no tenant's window can ever show it. On VFIO a whole table is one
//! `pwrite` either way.

use std::sync::{Arc, Mutex, PoisonError};

use nova_pci::Pci;
use nova_spec::regs::{NV_PBUS_BAR0_WINDOW, PRAMIN};

use crate::{card::Card, error::Cause};

/// The window starts at a multiple of this.
const GRANULE: u64 = 64 << 10;

/// The window. Nobody else moves it while this lives.
pub(crate) struct Instmem<P: Pci> {
    card: Arc<Card<P>>,
    /// Where it is, once it was set.
    window: Mutex<Option<u64>>,
}

impl<P: Pci> Instmem<P> {
    pub(crate) fn new(card: &Arc<Card<P>>) -> Self {
        Self {
            card: card.clone(),
            window: Mutex::new(None),
        }
    }

    /// Writes VRAM, of whole dwords. The order is not defined: for what the GPU does not look
    /// at yet.
    pub(crate) fn write(&self, address: u64, data: &[u8]) -> Result<(), Cause> {
        self.each(address, data.len(), |offset, range| {
            let data = data.get(range).unwrap_or_default();
            Ok(self.card.registers.write_window(offset, data)?)
        })
    }

    /// Reads VRAM, of whole dwords.
    pub(crate) fn read(&self, address: u64, data: &mut [u8]) -> Result<(), Cause> {
        self.each(address, data.len(), |offset, range| {
            let data = data.get_mut(range).unwrap_or_default();
            Ok(self.card.registers.read_window(offset, data)?)
        })
    }

    /// Writes dwords, one after the other, each in one access.
    pub(crate) fn write_dwords(&self, dwords: &[(u64, u32)]) -> Result<(), Cause> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        for (address, value) in dwords {
            let offset = self.show(&mut window, *address, 4)?;
            self.card.registers.write_window32(offset, *value)?;
        }
        Ok(())
    }

    /// The parts of a range that one position of the window shows, as BAR0 offsets and indices.
    fn each(
        &self,
        address: u64,
        len: usize,
        mut access: impl FnMut(u32, std::ops::Range<usize>) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = 0;
        while done < len {
            let at = address + done as u64;
            let offset = self.show(&mut window, at, 4)?;
            let room = PRAMIN.start + PRAMIN.len - offset;
            let part = (room as usize).min(len - done);
            access(offset, done..done + part)?;
            done += part;
        }
        Ok(())
    }

    /// Has the window show `len` bytes at `address`; where in BAR0 they are.
    fn show(&self, window: &mut Option<u64>, address: u64, len: u64) -> Result<u32, Cause> {
        let shown =
            window.filter(|&base| base <= address && address + len <= base + u64::from(PRAMIN.len));
        let base = match shown {
            Some(base) => base,
            None => {
                let base = address / GRANULE * GRANULE;
                let register = NV_PBUS_BAR0_WINDOW::over_vram(base);
                let register = register.ok_or(Cause::VramAddress { address })?;
                *window = None;
                self.card.registers.write(register)?;
                *window = Some(base);
                base
            }
        };
        Ok(PRAMIN.start + (address - base) as u32)
    }
}
