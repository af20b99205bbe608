// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Falcons: reset, load, start.

use super::{vbios::Fwsec, Driver, Outcome};

pub const GSP: u64 = 0x11_0000;
pub const SEC2: u64 = 0x84_0000;

/// A program, and what the boot ROM is told of it.
pub struct Program {
    pub imem: Vec<u8>,
    pub dmem: Vec<u8>,
    pub signature_at: u32,
    pub engine_id_mask: u32,
    pub ucode_id: u32,
    pub algorithm: u32,
    pub boot_vector: u32,
}

impl From<&Fwsec> for Program {
    fn from(fwsec: &Fwsec) -> Self {
        Self {
            imem: fwsec.imem.clone(),
            dmem: fwsec.dmem.clone(),
            signature_at: fwsec.pkc_data_offset,
            engine_id_mask: fwsec.engine_id_mask,
            ucode_id: fwsec.ucode_id,
            algorithm: 1,
            boot_vector: 0,
        }
    }
}

impl Program {
    /// Bytes in the place of a booter.
    pub fn booter() -> Self {
        Self {
            imem: vec![0x11; 0x300],
            dmem: vec![0x22; 0x400],
            signature_at: 0x10,
            engine_id_mask: 1,
            ucode_id: 3,
            algorithm: 1,
            boot_vector: 0x100,
        }
    }
}

impl Driver {
    pub fn reset_falcon(&self, base: u64) -> Outcome {
        self.poll("reset ready", base + 0xf4, |value| value & 1 << 31 != 0)?;
        self.change(base + 0x3c0, |value| value | 1);
        self.change(base + 0x3c0, |value| value & !1);
        self.poll("scrubbing", base + 0xf4, |value| value & 1 << 12 == 0)?;
        if self.read(base + 0x1668) & 0x10 != 0 {
            self.write(base + 0x1668, 0);
            self.poll("core select", base + 0x1668, |value| value & 1 != 0)?;
        }
        self.write(base + 0x84, self.read(0));
        Ok(())
    }

    pub fn load_falcon(&mut self, base: u64, program: &Program) -> Outcome {
        self.change(base + 0x624, |value| value | 0x80);
        self.write(base + 0x10c, 0);
        self.change(base + 0x600, |value| value & !7 | 5);
        self.dma(base, &program.imem, 0x614)?;
        self.dma(base, &program.dmem, 0x600)?;
        self.write(base + 0x1210, program.signature_at);
        self.write(base + 0x119c, program.engine_id_mask);
        self.write(base + 0x1198, program.ucode_id);
        self.write(base + 0x1180, program.algorithm);
        self.write(base + 0x104, program.boot_vector);
        Ok(())
    }

    /// Starts a falcon with words in its mailboxes, and waits; the words that it leaves.
    pub fn start_falcon(&self, base: u64, mailboxes: [u32; 2]) -> Outcome<[u32; 2]> {
        self.write(base + 0x40, mailboxes[0]);
        self.write(base + 0x44, mailboxes[1]);
        match self.read(base + 0x100) & 0x40 {
            0 => self.write(base + 0x100, 2),
            _ => self.write(base + 0x130, 2),
        }
        self.poll("halted", base + 0x100, |value| value & 0x10 != 0)?;
        Ok([self.read(base + 0x40), self.read(base + 0x44)])
    }

    fn dma(&mut self, base: u64, bytes: &[u8], command: u32) -> Outcome {
        let at = self.alloc(bytes.len() as u64);
        self.memory.write(at, bytes).unwrap();
        let bus = self.bus(at);
        self.write(base + 0x110, (bus >> 8) as u32);
        self.write(base + 0x128, (bus >> 40) as u32);
        for offset in (0..bytes.len() as u32).step_by(256) {
            self.write(base + 0x114, offset);
            self.write(base + 0x11c, offset);
            self.write(base + 0x118, command);
            self.poll("DMA", base + 0x118, |value| value & 2 != 0)?;
        }
        Ok(())
    }
}
