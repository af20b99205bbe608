// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! From a card that is enabled to GSP-RM that answers, and back.

use super::{
    falcon::{Program, GSP, SEC2},
    put32, put64, u32_at, Driver, Outcome,
};

pub const APP_VERSION: u32 = 0x1234;

/// The metadata for the booter, by offset in dwords of 64 bits.
pub type Meta = [u64; 32];

/// A step of the boot, after which a test may look or spoil something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// GFW has booted, the flush page is set.
    Ready,
    /// The metadata is in memory, FWSEC has made the region.
    Frts,
    /// GSP's mailboxes have the arguments.
    Arguments,
    /// The booter has run.
    Booted,
    /// GSP-RM is up.
    Up,
}

const MIB: u64 = 1 << 20;
const HEAP: u64 = 100 * MIB;
const IMAGE_PAGES: u64 = 600;

impl Driver {
    /// Boots all the way.
    pub fn boot(&mut self) -> Outcome {
        self.boot_with(|_, _| ())
    }

    /// Boots, and calls `at` after each step.
    pub fn boot_with(&mut self, mut at: impl FnMut(&mut Self, Step)) -> Outcome {
        self.free_all();
        self.poll("GFW's protection", 0x11_8128, |value| value & 1 != 0)?;
        self.poll("GFW", 0x11_8234, |value| value & 0xff == 0xff)?;
        let flush = self.alloc(4096);
        self.write(0x10_0c40, (self.bus(flush) >> 40) as u32);
        self.write(0x10_0c10, (self.bus(flush) >> 8) as u32);
        self.write(GSP + 4, 0x40);
        at(self, Step::Ready);
        self.make_meta();
        if self.read(0x1f_a828) >> 4 != 0 {
            return Err("WPR2 is set".into());
        }
        self.run_fwsec(0x15)?;
        if self.read(0x1438) >> 16 != 0 {
            return Err(format!("FRTS: {:#x}", self.read(0x1438)));
        }
        let frts = (self.meta[19], self.meta[19] + self.meta[20]);
        let wpr2 = [0x1f_a824, 0x1f_a828].map(|at| u64::from(self.read(at) >> 4) << 12);
        if wpr2 != [frts.0, frts.1] {
            return Err(format!("WPR2 is {wpr2:x?}"));
        }
        at(self, Step::Frts);
        let libos = self.make_queues();
        let words = [libos as u32, (libos >> 32) as u32];
        self.reset_falcon(GSP)?;
        let left = self.start_falcon(GSP, words)?;
        if left != words {
            return Err(format!(
                "nothing was loaded, and the mailboxes are {left:x?}"
            ));
        }
        at(self, Step::Arguments);
        let meta = self.write_meta();
        self.run_booter([meta as u32, (meta >> 32) as u32])?;
        self.write(GSP + 0x80, APP_VERSION);
        self.poll("RISC-V", 0x11_1388, |value| value & 0x80 != 0)?;
        at(self, Step::Booted);
        self.send_settings();
        self.run_sequence(words)?;
        let done = self.receive(0x1001)?;
        if !done.payload.is_empty() || done.result != 0 {
            return Err(format!("{done:x?}"));
        }
        at(self, Step::Up);
        Ok(())
    }

    /// Ends GSP-RM and takes the region away.
    pub fn unload(&mut self) -> Outcome {
        self.send(47, &[0; 8]);
        let reply = self.receive(47)?;
        if !reply.payload.is_empty() || reply.result != 0 {
            return Err(format!("{reply:x?}"));
        }
        self.poll("libos", GSP + 0x40, |value| value & 1 << 31 != 0)?;
        self.run_fwsec(0x19)?;
        if self.read(0x1f_a828) >> 4 != 0 {
            self.run_booter([0xff, 0xff])?;
        }
        match self.read(0x1f_a828) >> 4 {
            0 => Ok(()),
            left => Err(format!("WPR2 is {left:#x}")),
        }
    }

    /// The answer to GET_GSP_STATIC_INFO.
    pub fn static_info(&mut self) -> Outcome<Vec<u8>> {
        self.send(65, &[0; 1656]);
        let reply = self.receive(65)?;
        match (reply.result, reply.payload.len()) {
            (0, 1656) => Ok(reply.payload),
            (result, len) => Err(format!("result {result:#x}, {len} bytes")),
        }
    }

    pub fn run_fwsec(&mut self, command: u32) -> Outcome {
        let program = self.fwsec_program(command)?;
        self.reset_falcon(GSP)?;
        self.load_falcon(GSP, &program)?;
        match self.start_falcon(GSP, [0, 0])? {
            [0, _] => Ok(()),
            [left, _] => Err(format!("FWSEC leaves {left:#x}")),
        }
    }

    /// FWSEC with a command and the signature for this card.
    pub fn fwsec_program(&self, command: u32) -> Outcome<Program> {
        let mut fwsec = self.fwsec()?;
        fwsec.set_command(command, self.meta[19], self.meta[20]);
        let fuse = self.read(0x82_41c0 + 4 * u64::from(fwsec.ucode_id - 1));
        fwsec.sign(fuse)?;
        Ok(Program::from(&fwsec))
    }

    pub fn run_booter(&mut self, mailboxes: [u32; 2]) -> Outcome {
        self.reset_falcon(SEC2)?;
        self.load_falcon(SEC2, &Program::booter())?;
        match self.start_falcon(SEC2, mailboxes)? {
            [0, _] => Ok(()),
            [left, _] => Err(format!("the booter leaves {left:#x}")),
        }
    }

    /// System information and registry, in two elements of the queue.
    pub fn send_settings(&mut self) {
        let mut info = vec![0; 0x3a0];
        put32(&mut info, 0x50, 0x8_8000);
        put32(&mut info, 0x54, 0x1000);
        self.send(72, &info);
        let mut registry = vec![0; 24];
        for (at, value) in [(0, 28), (4, 1), (8, 24), (16, 1), (20, 4)] {
            put32(&mut registry, at, value);
        }
        registry[12] = 1;
        registry.extend(b"RMx\0");
        self.send(73, &registry);
    }

    /// Receives the sequence and runs it.
    pub fn run_sequence(&mut self, libos: [u32; 2]) -> Outcome {
        let sequence = self.receive(0x1002)?.payload;
        let count = u32_at(&sequence, 4) as usize;
        if sequence.len() != 40 + 4 * count || u32_at(&sequence, 0) as usize <= count {
            return Err(format!(
                "a sequence of {count} dwords in {} bytes",
                sequence.len()
            ));
        }
        let words: Vec<_> = (0..count).map(|i| u32_at(&sequence, 40 + 4 * i)).collect();
        let mut saved = [0; 8];
        let mut rest = &words[..];
        while let Some(opcode) = rest.first() {
            let lengths = [3, 4, 6, 2, 3, 1, 1, 1, 1];
            let len = *lengths.get(*opcode as usize).ok_or("unknown opcode")?;
            self.operation(&rest[..len], &mut saved, libos)?;
            rest = &rest[len..];
        }
        Ok(())
    }

    fn operation(&self, words: &[u32], saved: &mut [u32; 8], libos: [u32; 2]) -> Outcome {
        let register = words.get(1).map_or(0, |at| u64::from(*at));
        match words[0] {
            0 => self.write(register, words[2]),
            1 => self.change(register, |old| old & !words[2] | words[3]),
            2 => {
                let wanted = |value| value & words[2] == words[3];
                self.poll("sequence", register, wanted)?;
            }
            4 => saved[words[2] as usize] = self.read(register),
            5 => self.reset_falcon(GSP)?,
            6 => self.write(
                GSP + 0x100 + u64::from(self.read(GSP + 0x100) & 0x40) / 0x40 * 0x30,
                2,
            ),
            7 => drop(self.poll("halt", GSP + 0x100, |value| value & 0x10 != 0)?),
            8 => self.resume(libos)?,
            _ => {}
        }
        Ok(())
    }

    fn resume(&self, libos: [u32; 2]) -> Outcome {
        self.reset_falcon(GSP)?;
        self.write(GSP + 0x40, libos[0]);
        self.write(GSP + 0x44, libos[1]);
        match self.read(SEC2 + 0x100) & 0x40 {
            0 => self.write(SEC2 + 0x100, 2),
            _ => self.write(SEC2 + 0x130, 2),
        }
        self.poll("hand-off", 0x11_80f8, |value| value & 1 << 26 != 0)?;
        if self.read(SEC2 + 0x40) != 0 {
            return Err("SEC2's mailbox".into());
        }
        self.write(GSP + 0x80, APP_VERSION);
        match self.read(0x11_1388) & 0x80 {
            0 => Err("GSP has not gone on".into()),
            _ => Ok(()),
        }
    }

    /// Image, tables, signature and bootloader, and the metadata that names them.
    fn make_meta(&mut self) {
        let image = self.alloc(4096);
        let levels = [0; 4].map(|_| self.alloc(4096));
        // Two tables of level 2, for more than 512 pages, all of them the same page.
        self.memory.store64(levels[0], self.bus(levels[1])).unwrap();
        for (i, level2) in levels[2..].iter().enumerate() {
            self.memory
                .store64(levels[1] + 8 * i as u64, self.bus(*level2))
                .unwrap();
        }
        for page in 0..IMAGE_PAGES {
            let at = levels[2 + (page / 512) as usize] + page % 512 * 8;
            self.memory.store64(at, self.bus(image)).unwrap();
        }
        let down = |from: u64, size: u64, align: u64| (from - size) / align * align;
        let fb = u64::from(self.read(0x11_83a4)) << 20;
        let vga = fb - MIB;
        let frts = down(vga, MIB, 0x2_0000);
        let boot = down(frts, 0x1000, 0x1000);
        let elf = down(boot, IMAGE_PAGES * 4096, 0x1_0000);
        let heap = down(elf, HEAP, MIB);
        let wpr = down(heap, 256, MIB);
        let (radix3, other) = (self.bus(levels[0]), self.bus(image));
        self.meta = [0; 32];
        let fields = [
            (0, 0xdc3a_ae21_371a_60b3),
            (1, 1),
            (2, radix3),
            (3, IMAGE_PAGES * 4096),
            (4, other),
            (5, 0x1000),
            (9, other),
            (10, 0x1000),
            (11, wpr - MIB),
            (12, wpr - MIB),
            (13, MIB),
            (14, wpr),
            (15, heap),
            (16, HEAP),
            (17, elf),
            (18, boot),
            (19, frts),
            (20, MIB),
            (21, frts + MIB),
            (22, fb),
            (23, vga),
            (24, MIB),
        ];
        for (field, value) in fields {
            self.meta[field] = value;
        }
    }

    /// Writes the metadata; its bus address.
    pub fn write_meta(&mut self) -> u64 {
        let mut bytes = vec![0; 256];
        for (i, field) in self.meta.into_iter().enumerate() {
            put64(&mut bytes, 8 * i, field);
        }
        let at = self.alloc(4096);
        self.memory.write(at, &bytes).unwrap();
        self.bus(at)
    }
}
