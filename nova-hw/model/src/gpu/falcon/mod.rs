// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A falcon as the host sees it: reset, memories that DMA fills, interrupts, start. No code
//! runs on it; what its program would do is in [`programs`](super::programs).

mod transfer;

use nova_spec::{
    falcon::FalconEngine,
    register::{Register, RegisterBase, RelativeRegister},
    regs::*,
};

use crate::{
    board::Board,
    dma::Dma,
    register_file::{RegisterFile, Written},
    vram::Vram,
};

/// Bytes of IMEM and of DMEM, as `HWCFG` says.
pub(crate) const MEMORY: usize = 64 << 10;

/// What a write asks of the rest of the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The engine was put into reset.
    Reset,
    /// The falcon was started.
    Start,
    /// Its interrupts changed; they may have to be raised.
    Interrupts,
}

/// One falcon.
#[derive(Debug)]
pub(crate) struct Falcon {
    engine: FalconEngine,
    scrub_polls: u32,
    scrub_polls_left: u32,
    cpuctl_alias: bool,
    /// While a program runs: the register accesses until it ends.
    running: Option<u32>,
    pub(crate) imem: Vec<u8>,
    pub(crate) dmem: Vec<u8>,
    /// Bytes of IMEM and of DMEM up to the last that DMA filled since the reset.
    pub(crate) imem_loaded: usize,
    pub(crate) dmem_loaded: usize,
}

impl Falcon {
    pub(crate) fn new(engine: FalconEngine, board: &Board) -> Self {
        Self {
            engine,
            scrub_polls: board.scrub_polls,
            scrub_polls_left: 0,
            cpuctl_alias: board.cpuctl_alias,
            running: None,
            imem: vec![0; MEMORY],
            dmem: vec![0; MEMORY],
            imem_loaded: 0,
            dmem_loaded: 0,
        }
    }

    /// As after power-on, but for the registers.
    pub(crate) fn reset(&mut self) {
        self.scrub_polls_left = 0;
        self.clear();
    }

    /// Whether a program was loaded since the reset.
    pub(crate) fn is_loaded(&self) -> bool {
        self.dmem_loaded > 0
    }

    /// Starts the program; true when it has ended at once.
    pub(crate) fn run(&mut self, accesses: u32) -> bool {
        self.running = (accesses > 0).then_some(accesses);
        self.running.is_none()
    }

    /// One register access later; true when the program has ended with it.
    pub(crate) fn tick(&mut self) -> bool {
        let Some(left) = self.running else {
            return false;
        };
        self.running = left.checked_sub(1).filter(|left| *left > 0);
        self.running.is_none()
    }

    /// The two mailboxes as one address, the second the upper half.
    pub(crate) fn mailboxes(&self, registers: &RegisterFile) -> u64 {
        let low = registers.at(NV_PFALCON_FALCON_MAILBOX0::of(self.engine));
        let high = registers.at(NV_PFALCON_FALCON_MAILBOX1::of(self.engine));
        u64::from(high.value()) << 32 | u64::from(low.value())
    }

    /// Leaves a word in the first mailbox.
    pub(crate) fn set_mailbox0(&self, registers: &mut RegisterFile, value: u32) {
        let word = NV_PFALCON_FALCON_MAILBOX0::DEFAULT.with_value(value);
        registers.set(NV_PFALCON_FALCON_MAILBOX0::of(self.engine), word);
    }

    /// Whether the host's interrupt line is asserted: by the falcon's own mask, or by that of
    /// the RISC-V core.
    pub(crate) fn interrupts(&self, registers: &RegisterFile) -> bool {
        let pending = registers.at(NV_PFALCON_FALCON_IRQSTAT::of(self.engine));
        let falcon = registers.at(NV_PFALCON_FALCON_IRQMASK::of(self.engine));
        let riscv = registers.at(NV_PRISCV_RISCV_IRQMASK::of(self.engine));
        pending.into_raw() & (falcon.value() | riscv.value()) != 0
    }

    /// Before the register at `offset` from the engine's base is read.
    pub(crate) fn read(&mut self, registers: &mut RegisterFile, offset: u32) {
        match offset {
            NV_PFALCON_FALCON_HWCFG2::OFFSET => self.read_hwcfg2(registers),
            NV_PFALCON_FALCON_CPUCTL::OFFSET => {
                let cpuctl = NV_PFALCON_FALCON_CPUCTL::DEFAULT
                    .with_halted(self.running.is_none())
                    .with_alias_en(self.cpuctl_alias);
                registers.set(NV_PFALCON_FALCON_CPUCTL::of(self.engine), cpuctl);
            }
            NV_PFALCON_FALCON_DMATRFCMD::OFFSET => {
                // A transfer is over before its write is.
                let location = NV_PFALCON_FALCON_DMATRFCMD::of(self.engine);
                let command = registers.at(location).with_idle(true).with_full(false);
                registers.set(location, command);
            }
            _ => {}
        }
    }

    /// After the register at `offset` from the engine's base was written.
    pub(crate) fn write(
        &mut self,
        registers: &mut RegisterFile,
        offset: u32,
        written: Written,
        dma: &mut Dma,
        vram: &Vram,
    ) -> Option<Request> {
        let engine = self.engine;
        match offset {
            NV_PFALCON_FALCON_ENGINE::OFFSET => {
                let engine = registers.at(NV_PFALCON_FALCON_ENGINE::of(engine));
                if engine.reset() {
                    self.engine_reset(registers);
                    return Some(Request::Reset);
                }
            }
            NV_PFALCON_FALCON_CPUCTL::OFFSET | NV_PFALCON_FALCON_CPUCTL_ALIAS::OFFSET => {
                let alias = offset == NV_PFALCON_FALCON_CPUCTL_ALIAS::OFFSET;
                let start = NV_PFALCON_FALCON_CPUCTL::from_raw(written.bits).startcpu();
                if start && alias == self.cpuctl_alias && self.may_start(registers) {
                    return Some(Request::Start);
                }
            }
            NV_PFALCON_FALCON_DMATRFCMD::OFFSET if self.may_load(registers) => {
                self.transfer(registers, dma, vram);
            }
            NV_PFALCON_FALCON_IRQSSET::OFFSET => {
                self.change_pending(registers, |pending| pending | written.bits);
                return Some(Request::Interrupts);
            }
            NV_PFALCON_FALCON_IRQSCLR::OFFSET => {
                self.change_pending(registers, |pending| pending & !written.bits);
            }
            NV_PFALCON_FALCON_IRQMSET::OFFSET => {
                self.change_mask(registers, |mask| mask | written.bits);
                return Some(Request::Interrupts);
            }
            NV_PFALCON_FALCON_IRQMCLR::OFFSET => {
                self.change_mask(registers, |mask| mask & !written.bits);
            }
            NV_PFALCON_FALCON_INTR_RETRIGGER::OFFSET => return Some(Request::Interrupts),
            BCR_CTRL => {
                let location = NV_PRISCV_RISCV_BCR_CTRL::of(engine);
                let valid = registers.at(location).with_valid(true);
                registers.set(location, valid);
            }
            _ => {}
        }
        None
    }

    /// A program raises the interrupt of a message.
    pub(crate) fn raise_swgen0(&self, registers: &mut RegisterFile) {
        let swgen0 = NV_PFALCON_FALCON_IRQSTAT::DEFAULT.with_swgen0(true);
        self.change_pending(registers, |pending| pending | swgen0.into_raw());
    }

    fn read_hwcfg2(&mut self, registers: &mut RegisterFile) {
        let hwcfg2 = NV_PFALCON_FALCON_HWCFG2::DEFAULT
            .with_riscv(true)
            .with_reset_ready(true)
            .with_mem_scrubbing(self.scrub_polls_left > 0);
        registers.set(NV_PFALCON_FALCON_HWCFG2::of(self.engine), hwcfg2);
        self.scrub_polls_left = self.scrub_polls_left.saturating_sub(1);
    }

    /// Everything but the choice of the core and the reset line itself.
    fn engine_reset(&mut self, registers: &mut RegisterFile) {
        let bcr = registers.at(NV_PRISCV_RISCV_BCR_CTRL::of(self.engine));
        let line = registers.at(NV_PFALCON_FALCON_ENGINE::of(self.engine));
        let (first, second) = (PFALCON::base(self.engine), PFALCON2::base(self.engine));
        registers.reset_range(first..first + QUEUES);
        registers.reset_range(second..second + 0x1000);
        registers.set(NV_PRISCV_RISCV_BCR_CTRL::of(self.engine), bcr);
        registers.set(NV_PFALCON_FALCON_ENGINE::of(self.engine), line);
        self.clear();
        self.scrub_polls_left = self.scrub_polls;
    }

    fn clear(&mut self) {
        self.running = None;
        (self.imem_loaded, self.dmem_loaded) = (0, 0);
        self.imem.fill(0);
        self.dmem.fill(0);
    }

    fn may_load(&self, registers: &RegisterFile) -> bool {
        let line = registers.at(NV_PFALCON_FALCON_ENGINE::of(self.engine));
        let may = !line.reset() && self.scrub_polls_left == 0;
        if !may {
            tracing::warn!(engine = %self.engine, "the falcon is in reset or scrubs its memory");
        }
        may
    }

    fn may_start(&self, registers: &RegisterFile) -> bool {
        let bcr = registers.at(NV_PRISCV_RISCV_BCR_CTRL::of(self.engine));
        let selected = bcr.core_select() == BCR_CTRL_CORE_SELECT::FALCON;
        if !selected {
            tracing::warn!(engine = %self.engine, "started, but the RISC-V core is selected");
        }
        selected && self.may_load(registers) && self.running.is_none()
    }

    fn change_pending(&self, registers: &mut RegisterFile, change: impl FnOnce(u32) -> u32) {
        let location = NV_PFALCON_FALCON_IRQSTAT::of(self.engine);
        let pending = change(registers.at(location).into_raw());
        registers.set_value(location.offset(), pending);
    }

    fn change_mask(&self, registers: &mut RegisterFile, change: impl FnOnce(u32) -> u32) {
        let location = NV_PFALCON_FALCON_IRQMASK::of(self.engine);
        let mask = change(registers.at(location).into_raw());
        registers.set_value(location.offset(), mask);
    }
}

/// Where the queue heads start in the first page, which an engine's reset leaves alone.
const QUEUES: u32 = 0xc00;
/// The choice of the core, from the engine's base.
const BCR_CTRL: u32 = 0x1000 + NV_PRISCV_RISCV_BCR_CTRL::OFFSET;

#[cfg(test)]
mod tests;
