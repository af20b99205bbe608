// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The chip behind BAR0: which unit answers at an offset, and what a write sets off.
//!
//! Every register has its content in the one [`RegisterFile`]. A unit whose register changes
//! by itself puts the content there before a read, and acts after a write.

mod bars;
mod booter;
mod brom;
pub(crate) mod ce;
mod channels;
pub(crate) mod engines;
pub(crate) mod falcon;
mod faults;
mod fwsec;
mod gfw;
pub(crate) mod gsp;
pub(crate) mod host;
pub(crate) mod mmu;
mod programs;
mod ptimer;
pub(crate) mod table;
mod vfn;
pub(crate) mod wpr;

use std::{io, ops::Range, sync::Arc};

use nova_spec::{
    chip::Chip,
    falcon::FalconEngine,
    register::{FixedRegister, Register, RegisterBase},
    regs::*,
};

use crate::{
    board::Board,
    bus::Bus,
    config::ConfigSpace,
    dma::Dma,
    register_file::{parts, Part, RegisterFile, Written},
    trace::Trace,
    vram::Vram,
};
use falcon::{Falcon, Request};

pub(crate) use bars::BarWindow;

/// The interrupt vector of GSP. The card chooses it; its drivers ask GSP-RM.
pub(crate) const GSP_VECTOR: u32 = 133;

/// The chip.
#[derive(Debug)]
pub(crate) struct Gpu {
    board: Board,
    pub(crate) dma: Dma,
    vram: Arc<Vram>,
    registers: RegisterFile,
    gfw: gfw::Gfw,
    ptimer: ptimer::Ptimer,
    vfn: vfn::Vfn,
    pub(crate) gsp: Falcon,
    pub(crate) sec2: Falcon,
    pub(crate) host: host::Host,
    rm: gsp::Rm,
    faults: faults::Faults,
    trace: Option<Trace>,
}

/// The unit that has a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Only storage.
    Plain,
    Ptimer,
    Flush,
    Xve,
    Falcon(FalconEngine),
    QueueHead,
    Gfw,
    Vfn,
    Invalidate,
    Doorbell,
}

impl Unit {
    fn of(offset: u32) -> Self {
        for engine in FalconEngine::ALL {
            let base = PFALCON::base(engine);
            if (base..base + 0x2000).contains(&offset) && !QUEUE_HEADS.contains(&offset) {
                return Self::Falcon(engine);
            }
        }
        match offset {
            0x00_9000..=0x00_9fff | 0xbb_0080..=0xbb_0087 => Self::Ptimer,
            NV_UFLUSH_FB_FLUSH::OFFSET => Self::Flush,
            NV_XVE_CYA_2::OFFSET => Self::Xve,
            _ if QUEUE_HEADS.contains(&offset) => Self::QueueHead,
            0x11_8128 | 0x11_8234 => Self::Gfw,
            0xb8_1000..=0xb8_1fff => Self::Vfn,
            NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE::OFFSET => Self::Invalidate,
            NV_VIRTUAL_FUNCTION_DOORBELL::OFFSET => Self::Doorbell,
            _ => Self::Plain,
        }
    }
}

/// The doorbells of GSP's queues.
const QUEUE_HEADS: Range<u32> = 0x11_0c00..0x11_0c40;

impl Gpu {
    pub(crate) fn new(
        chip: &Chip,
        board: Board,
        vram: Arc<Vram>,
        bus: Arc<Bus>,
        underway: host::Underway,
    ) -> Self {
        Self {
            dma: Dma::new(bus),
            vram,
            registers: table::registers(chip, &board),
            gfw: gfw::Gfw::new(board.gfw_polls),
            ptimer: ptimer::Ptimer::new(),
            vfn: vfn::Vfn::default(),
            gsp: Falcon::new(FalconEngine::GSP, &board),
            sec2: Falcon::new(FalconEngine::SEC2, &board),
            host: host::Host::new(underway, board.ignores_scheduling),
            rm: gsp::Rm::new(chip.chipset, engines::Engines::new(board.seed), board.seed),
            faults: faults::Faults::default(),
            trace: None,
            board,
        }
    }

    /// Back to power-on. Memory keeps its content, as it may.
    pub(crate) fn reset(&mut self) {
        self.registers.reset();
        self.gfw.reset();
        self.ptimer.reset();
        self.vfn.reset();
        self.gsp.reset();
        self.sec2.reset();
        self.rm.stop();
        self.host.reset();
        self.faults.reset();
        self.dma.reset();
    }

    /// Whether an interrupt is to be sent since this was last asked.
    pub(crate) fn take_interrupt(&mut self) -> bool {
        self.vfn.take_due()
    }

    /// Records every access to BAR0 from now on.
    pub(crate) fn set_trace(&mut self, trace: Option<Trace>) {
        self.trace = trace;
    }

    fn trace(&mut self, record: impl FnOnce(&mut Trace) -> io::Result<()>) {
        if let Some(Err(error)) = self.trace.as_mut().map(record) {
            // A disk that is full must not stop the card.
            tracing::warn!(%error, "the register trace ends here");
            self.trace = None;
        }
    }

    /// What the ROM's BAR shows.
    pub(crate) fn rom(&self) -> &[u8] {
        self.board.vbios.rom()
    }

    /// The part of VRAM that the CPU may not touch.
    pub(crate) fn wpr2(&self) -> Option<Range<u64>> {
        wpr::wpr2(&self.registers)
    }

    /// Reads bytes of BAR0, which are inside of it.
    pub(crate) fn read(&mut self, config: &ConfigSpace, offset: u64, data: &mut [u8]) {
        for part in parts(offset, data.len()) {
            let value = self.faulty_read(config, part.register as u32);
            self.trace(|trace| trace.read(&part, value));
            part.put(value, data);
        }
    }

    /// Writes bytes of BAR0, which are inside of it.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        for part in parts(offset, data.len()) {
            self.trace(|trace| trace.write(&part, part.written(data)));
            self.faulty_write(&part, data);
        }
    }

    fn read_register(&mut self, config: &ConfigSpace, offset: u32) -> u32 {
        if let Some(within) = PROM.offset_of(offset) {
            return self.read_rom(within as usize);
        }
        if let Some(within) = PRAMIN.offset_of(offset) {
            return self.read_pramin(within);
        }
        if let Some(within) = PCFG.offset_of(offset) {
            if !self.registers.has(offset) {
                return config.read_mirror(within as u16);
            }
        }
        if let Some((runlist, chid)) = engines::chram_channel(offset) {
            return self
                .host
                .chram(host::ChannelId { runlist, chid })
                .raw_value();
        }
        match Unit::of(offset) {
            Unit::Ptimer => self.ptimer.read(&mut self.registers),
            Unit::Vfn => self.vfn.read(&mut self.registers),
            Unit::Gfw => {
                if let Some(answer) = self.gfw.read(&mut self.registers, offset) {
                    return answer;
                }
            }
            Unit::Falcon(engine) => {
                let within = offset - PFALCON::base(engine);
                let (falcon, registers) = self.falcon(engine);
                falcon.read(registers, within);
            }
            Unit::Plain
            | Unit::Flush
            | Unit::Xve
            | Unit::QueueHead
            | Unit::Invalidate
            | Unit::Doorbell => {}
        }
        self.registers.read(offset.into())
    }

    fn write_part(&mut self, part: &Part, data: &[u8]) {
        let offset = part.register as u32;
        if let Some(within) = PRAMIN.offset_of(offset) {
            let within = within + part.lanes.start as u32;
            return self.write_pramin(within, &data[part.buffer.clone()]);
        }
        let written = part.written(data);
        if self.registers.write(part.register, written) {
            self.wrote(offset, written);
        }
    }

    /// What a write to a register sets off.
    fn wrote(&mut self, offset: u32, written: Written) {
        match Unit::of(offset) {
            Unit::Ptimer => self.ptimer.write(&self.registers, offset),
            Unit::Vfn => self.vfn.write(offset, written.bits),
            Unit::Xve => self.vfn.rearm(),
            // Done before anybody can ask.
            Unit::Flush => {
                let location = NV_UFLUSH_FB_FLUSH::LOCATION;
                self.registers.set(location, NV_UFLUSH_FB_FLUSH::DEFAULT);
            }
            Unit::Invalidate => self.invalidate(),
            Unit::Doorbell => self.host.doorbell(written.bits),
            Unit::Falcon(engine) => self.wrote_falcon(engine, offset, written),
            Unit::QueueHead => self.run_rm(),
            Unit::Plain | Unit::Gfw => {}
        }
    }

    /// Has the engines forget pages, which is done before anybody can ask.
    fn invalidate(&mut self) {
        let location = NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE::LOCATION;
        let command = self.registers.at(location);
        if !command.trigger() {
            return;
        }
        self.registers.set(location, command.with_trigger(false));
        let low: NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB = self.registers.get();
        let high: NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB = self.registers.get();
        let aperture = match low.aperture_sys_mem() {
            true => mmu::Aperture::System,
            false => mmu::Aperture::Vram,
        };
        let address = u64::from(low.addr().value()) << 12 | u64::from(high.addr().value()) << 40;
        self.host.invalidate(match command.all_pdb() {
            true => mmu::Invalidation::All,
            false => mmu::Invalidation::Space(mmu::PageDirectory { aperture, address }),
        });
    }

    fn wrote_falcon(&mut self, engine: FalconEngine, offset: u32, written: Written) {
        let within = offset - PFALCON::base(engine);
        let falcon = match engine {
            FalconEngine::GSP => &mut self.gsp,
            FalconEngine::SEC2 => &mut self.sec2,
        };
        let (registers, dma) = (&mut self.registers, &mut self.dma);
        match falcon.write(registers, within, written, dma, &self.vram) {
            Some(Request::Reset) => self.engine_was_reset(engine),
            Some(Request::Start) => self.start(engine),
            Some(Request::Interrupts) => self.raise(engine),
            None => {}
        }
    }

    /// Raises the vector of an engine that has an interrupt pending.
    fn raise(&mut self, engine: FalconEngine) {
        if engine == FalconEngine::GSP && self.gsp.interrupts(&self.registers) {
            self.vfn.raise(GSP_VECTOR);
        }
    }

    fn falcon(&mut self, engine: FalconEngine) -> (&mut Falcon, &mut RegisterFile) {
        let falcon = match engine {
            FalconEngine::GSP => &mut self.gsp,
            FalconEngine::SEC2 => &mut self.sec2,
        };
        (falcon, &mut self.registers)
    }

    /// Past its end the ROM's window reads as 0.
    fn read_rom(&self, offset: usize) -> u32 {
        let flash = self.board.vbios.flash();
        let byte = |at: usize| flash.get(at).copied().unwrap_or(0);
        u32::from_le_bytes([0, 1, 2, 3].map(|lane| byte(offset + lane)))
    }

    fn read_pramin(&self, offset: u32) -> u32 {
        let mut data = [0xff; 4];
        if let Some(address) = self.pramin(offset) {
            wpr::cpu_read(&self.vram, self.wpr2().as_ref(), address, &mut data);
        }
        u32::from_le_bytes(data)
    }

    fn write_pramin(&self, offset: u32, data: &[u8]) {
        if let Some(address) = self.pramin(offset) {
            wpr::cpu_write(&self.vram, self.wpr2().as_ref(), address, data);
        }
    }

    /// The address in VRAM behind the window; the other memories that it can show have no
    /// users.
    fn pramin(&self, offset: u32) -> Option<u64> {
        let window: NV_PBUS_BAR0_WINDOW = self.registers.get();
        let vram = window.target() == Ok(NV_PBUS_BAR0_WINDOW_TARGET::VID_MEM);
        vram.then(|| window.address() + u64::from(offset))
    }
}

#[cfg(test)]
mod channel_tests;
#[cfg(test)]
pub(crate) mod tests;
