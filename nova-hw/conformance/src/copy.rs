// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The least with which a GPU reads and writes memory: SEC2's falcon loads a block of 256 bytes
//! into its data memory, and stores it elsewhere (`dev_falcon_v4.h` of open-gpu-kernel-modules).

use std::time::{Duration, Instant};

use nova_pci::{Bar, BarIndex, Pci};
use nova_spec::pci::{command, header, status};

use crate::check::{ensure, say, Outcome};

/// SEC2's registers.
const SEC2: u64 = 0x84_0000;
const HWCFG2: u64 = SEC2 + 0x0f4;
const SCRUBBING: u32 = 1 << 12;
const DMACTL: u64 = SEC2 + 0x10c;
const DMATRFBASE: u64 = SEC2 + 0x110;
const DMATRFMOFFS: u64 = SEC2 + 0x114;
const DMATRFCMD: u64 = SEC2 + 0x118;
const DMATRFFBOFFS: u64 = SEC2 + 0x11c;
const DMATRFBASE1: u64 = SEC2 + 0x128;
const ENGINE: u64 = SEC2 + 0x3c0;
const TRANSCFG: u64 = SEC2 + 0x600;
const FBIF_CTL: u64 = SEC2 + 0x624;

/// Bytes of a block.
pub(crate) const BLOCK: usize = 256;
/// Of 256 bytes, between data memory and the aperture.
const LOAD: u32 = 0x600;
const STORE: u32 = 0x620;
const IDLE: u32 = 1 << 1;
/// Coherent system memory, by physical address.
const SYSMEM: u32 = 0b101;
const PHYSICAL: u32 = 1 << 7;

// TIMEOUT: a block takes microseconds, and a falcon's reset milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A falcon that copies.
pub(crate) struct Copier<B> {
    bar0: B,
}

impl<B: Bar> Copier<B> {
    /// Lets the device be a bus master, and resets the falcon.
    pub(crate) fn new<P: Pci<Bar = B>>(pci: &P) -> Result<Self, String> {
        let both = command::MEMORY | command::BUS_MASTER;
        pci.config_write(header::COMMAND, &both.to_le_bytes())
            .map_err(say("set the command register"))?;
        // Errors of earlier checks.
        pci.config_write(header::STATUS, &status::ERRORS.to_le_bytes())
            .map_err(say("clear the status register"))?;
        let bar0 = pci.bar(BarIndex::Bar0).map_err(say("BAR0"))?;
        let copier = Self { bar0 };
        copier.write(ENGINE, 1)?;
        copier.write(ENGINE, 0)?;
        copier.wait(HWCFG2, SCRUBBING, 0)?;
        copier.write(FBIF_CTL, PHYSICAL)?;
        copier.write(DMACTL, 0)?;
        copier.write(TRANSCFG, SYSMEM)?;
        Ok(copier)
    }

    /// Has the device copy a block from one bus address to another, and waits for it.
    pub(crate) fn copy(&self, from: u64, to: u64) -> Outcome {
        self.transfer(from, LOAD)?;
        self.transfer(to, STORE)
    }

    fn transfer(&self, address: u64, command: u32) -> Outcome {
        self.write(DMATRFBASE, (address >> 8) as u32)?;
        self.write(DMATRFBASE1, (address >> 40) as u32)?;
        self.write(DMATRFMOFFS, 0)?;
        self.write(DMATRFFBOFFS, 0)?;
        self.write(DMATRFCMD, command)?;
        self.wait(DMATRFCMD, IDLE, IDLE)
    }

    fn write(&self, offset: u64, value: u32) -> Outcome {
        let written = self.bar0.write32(offset, value);
        written.map_err(say(format!("write {offset:#x}")))
    }

    fn wait(&self, offset: u64, mask: u32, wanted: u32) -> Outcome {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let value = self
                .bar0
                .read32(offset)
                .map_err(say(format!("read {offset:#x}")))?;
            if value & mask == wanted {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{offset:#x} stays {value:#010x}");
        }
    }
}
