// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The falcon register set, which each engine has at its own base. Follows
//! `dev_falcon_v4.h` of ga102.

use arbitrary_int::{u2, u24, u3, u4, u6, u9};
use bitbybit::{bitenum, bitfield};

use crate::{
    falcon::FalconEngine,
    register::{plain, registers, RegisterBase},
};

/// First page of an engine's registers.
pub struct PFALCON;

impl RegisterBase for PFALCON {
    fn base(engine: FalconEngine) -> u32 {
        match engine {
            FalconEngine::GSP => 0x11_0000,
            FalconEngine::SEC2 => 0x84_0000,
        }
    }
}

plain! {
    /// Raises interrupts, a bit each.
    NV_PFALCON_FALCON_IRQSSET;
    /// Whether each interrupt is level or edge triggered.
    NV_PFALCON_FALCON_IRQMODE;
    /// Enables interrupts, a bit each.
    NV_PFALCON_FALCON_IRQMSET;
    /// Disables interrupts, a bit each.
    NV_PFALCON_FALCON_IRQMCLR;
    /// Which interrupts are enabled.
    NV_PFALCON_FALCON_IRQMASK;
    /// Which interrupts go to the host.
    NV_PFALCON_FALCON_IRQDEST;
    /// A word for the program at its start, and from it at its end. 0 is success.
    NV_PFALCON_FALCON_MAILBOX0;
    /// The second word.
    NV_PFALCON_FALCON_MAILBOX1;
    /// Which interfaces to memory are enabled.
    NV_PFALCON_FALCON_ITFEN;
    /// Version of the program; the driver leaves GSP's application version here.
    NV_PFALCON_FALCON_OS;
    /// A word for RM; the driver leaves `NV_PMC_BOOT_0` here.
    NV_PFALCON_FALCON_RM;
    /// A word for debugging.
    NV_PFALCON_FALCON_DEBUGINFO;
    /// Where execution starts in IMEM.
    NV_PFALCON_FALCON_BOOTVEC;
    /// Bits 39:8 of the bus address that DMA is relative to.
    NV_PFALCON_FALCON_DMATRFBASE;
    /// Offset in the source, added to the base.
    NV_PFALCON_FALCON_DMATRFFBOFFS;
    /// Data at IMEM's cursor.
    NV_PFALCON_FALCON_IMEMD;
    /// Tag of the IMEM block written next.
    NV_PFALCON_FALCON_IMEMT;
    /// Data at DMEM's cursor.
    NV_PFALCON_FALCON_DMEMD;
}

/// Clears interrupts by ones.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_IRQSCLR {
    /// The falcon has halted.
    #[bit(4, rw)]
    halt: bool,
    /// Raised by software: GSP has a message.
    #[bit(6, rw)]
    swgen0: bool,
    /// Raised by software.
    #[bit(7, rw)]
    swgen1: bool,
}

/// Pending interrupts.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_IRQSTAT {
    /// The falcon has halted.
    #[bit(4, rw)]
    halt: bool,
    /// Raised by software: GSP has a message.
    #[bit(6, rw)]
    swgen0: bool,
    /// Raised by software.
    #[bit(7, rw)]
    swgen1: bool,
}

/// What the falcon has and how far its reset is.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_HWCFG2 {
    /// There is a RISC-V core beside the falcon.
    #[bit(10, rw)]
    riscv: bool,
    /// IMEM and DMEM are being cleared after a reset.
    #[bit(12, rw)]
    mem_scrubbing: bool,
    /// The engine may be put into reset.
    #[bit(31, rw)]
    reset_ready: bool,
}

impl NV_PFALCON_FALCON_HWCFG2 {
    /// Whether the memories are cleared and may be loaded.
    pub fn mem_scrubbing_done(self) -> bool {
        !self.mem_scrubbing()
    }
}

/// Starting and stopping.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_CPUCTL {
    /// Starts the falcon; reads as 0.
    #[bit(1, rw)]
    startcpu: bool,
    /// It is halted.
    #[bit(4, rw)]
    halted: bool,
    /// This register is locked and [`NV_PFALCON_FALCON_CPUCTL_ALIAS`] starts the falcon.
    #[bit(6, rw)]
    alias_en: bool,
}

/// Starts the falcon when [`NV_PFALCON_FALCON_CPUCTL`] says so.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_CPUCTL_ALIAS {
    /// Starts the falcon.
    #[bit(1, rw)]
    startcpu: bool,
}

/// Sizes of the memories.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_HWCFG {
    /// IMEM in blocks of 256 bytes.
    #[bits(0..=8, rw)]
    imem_size: u9,
    /// DMEM in blocks of 256 bytes.
    #[bits(9..=17, rw)]
    dmem_size: u9,
}

impl NV_PFALCON_FALCON_HWCFG {
    /// IMEM in bytes.
    pub fn imem_bytes(self) -> u32 {
        u32::from(self.imem_size().value()) * crate::falcon::FALCON_BLOCK
    }

    /// DMEM in bytes.
    pub fn dmem_bytes(self) -> u32 {
        u32::from(self.dmem_size().value()) * crate::falcon::FALCON_BLOCK
    }
}

/// Version and ports.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_HWCFG1 {
    /// Version of the core.
    #[bits(0..=3, rw)]
    core_rev: u4,
    /// Whether it checks signatures: 3 is heavy security.
    #[bits(4..=5, rw)]
    security_model: u2,
    /// Minor version of the core.
    #[bits(6..=7, rw)]
    core_rev_subversion: u2,
    /// Ports through which the host loads IMEM.
    #[bits(8..=11, rw)]
    imem_ports: u4,
    /// Ports through which the host loads DMEM.
    #[bits(12..=15, rw)]
    dmem_ports: u4,
}

/// DMA: whether it needs a context, and the scrubbing of older falcons.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_DMACTL {
    /// A DMA needs an instance block.
    #[bit(0, rw)]
    require_ctx: bool,
    /// DMEM is being cleared.
    #[bit(1, rw)]
    dmem_scrubbing: bool,
    /// IMEM is being cleared.
    #[bit(2, rw)]
    imem_scrubbing: bool,
}

/// Bits 48:40 of the bus address that DMA is relative to.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_DMATRFBASE1 {
    /// Bits 48:40.
    #[bits(0..=8, rw)]
    base: u9,
}

/// Offset in IMEM or DMEM of a DMA.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_DMATRFMOFFS {
    /// Bytes.
    #[bits(0..=23, rw)]
    offs: u24,
}

/// Bytes that a DMA command copies: `4 << size`.
#[bitenum(u3, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DMATRFCMD_SIZE {
    SIZE_4B = 0,
    SIZE_8B = 1,
    SIZE_16B = 2,
    SIZE_32B = 3,
    SIZE_64B = 4,
    SIZE_128B = 5,
    SIZE_256B = 6,
    SIZE_512B = 7,
}

impl DMATRFCMD_SIZE {
    /// Bytes.
    pub fn bytes(self) -> u32 {
        4 << self.raw_value().value()
    }
}

/// Starts a DMA when written; reads whether it is done.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_DMATRFCMD {
    /// No more commands fit.
    #[bit(0, rw)]
    full: bool,
    /// Every command is done.
    #[bit(1, rw)]
    idle: bool,
    /// Security level of the IMEM blocks written.
    #[bits(2..=3, rw)]
    sec: u2,
    /// IMEM and not DMEM.
    #[bit(4, rw)]
    imem: bool,
    /// From the falcon to memory.
    #[bit(5, rw)]
    write: bool,
    /// Bytes.
    #[bits(8..=10, rw)]
    size: DMATRFCMD_SIZE,
    /// The aperture: index of [`NV_PFALCON_FBIF_TRANSCFG`](super::NV_PFALCON_FBIF_TRANSCFG).
    #[bits(12..=14, rw)]
    ctxdma: u3,
    /// Tags the DMEM written.
    #[bit(16, rw)]
    set_dmtag: bool,
}

impl NV_PFALCON_FALCON_DMATRFCMD {
    /// Loads a block of secure code into IMEM.
    pub fn load_imem() -> Self {
        Self::load_dmem().with_imem(true).with_sec(u2::new(1))
    }

    /// Loads a block of data into DMEM.
    pub fn load_dmem() -> Self {
        Self::DEFAULT.with_size(DMATRFCMD_SIZE::SIZE_256B)
    }
}

/// The cursor of a port into IMEM.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_IMEMC {
    /// Dword within the block.
    #[bits(2..=7, rw)]
    offs: u6,
    /// Block of 256 bytes.
    #[bits(8..=23, rw)]
    blk: u16,
    /// A write moves the cursor on.
    #[bit(24, rw)]
    aincw: bool,
    /// What is written is secure code.
    #[bit(28, rw)]
    secure: bool,
}

/// The cursor of a port into DMEM.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_DMEMC {
    /// Dword within the block.
    #[bits(2..=7, rw)]
    offs: u6,
    /// Block of 256 bytes.
    #[bits(8..=23, rw)]
    blk: u16,
    /// A write moves the cursor on.
    #[bit(24, rw)]
    aincw: bool,
}

/// The engine's reset line.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_ENGINE {
    /// Held in reset.
    #[bit(0, rw)]
    reset: bool,
}

/// Raises the engine's interrupt again when one is still pending.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FALCON_INTR_RETRIGGER {
    /// Do it.
    #[bit(0, rw)]
    trigger: bool,
}

registers! {
    NV_PFALCON_FALCON_IRQSSET at PFALCON + 0x000, write_only;
    NV_PFALCON_FALCON_IRQSCLR at PFALCON + 0x004, write_only;
    NV_PFALCON_FALCON_IRQSTAT at PFALCON + 0x008, read_only;
    NV_PFALCON_FALCON_IRQMODE at PFALCON + 0x00c, read_write;
    NV_PFALCON_FALCON_IRQMSET at PFALCON + 0x010, write_only;
    NV_PFALCON_FALCON_IRQMCLR at PFALCON + 0x014, write_only;
    NV_PFALCON_FALCON_IRQMASK at PFALCON + 0x018, read_only;
    NV_PFALCON_FALCON_IRQDEST at PFALCON + 0x01c, read_write;
    NV_PFALCON_FALCON_MAILBOX0 at PFALCON + 0x040, read_write;
    NV_PFALCON_FALCON_MAILBOX1 at PFALCON + 0x044, read_write;
    NV_PFALCON_FALCON_ITFEN at PFALCON + 0x048, read_write;
    NV_PFALCON_FALCON_OS at PFALCON + 0x080, read_write;
    NV_PFALCON_FALCON_RM at PFALCON + 0x084, read_write;
    NV_PFALCON_FALCON_DEBUGINFO at PFALCON + 0x094, read_write;
    NV_PFALCON_FALCON_HWCFG2 at PFALCON + 0x0f4, read_only;
    NV_PFALCON_FALCON_CPUCTL at PFALCON + 0x100, read_write;
    NV_PFALCON_FALCON_BOOTVEC at PFALCON + 0x104, read_write;
    NV_PFALCON_FALCON_HWCFG at PFALCON + 0x108, read_only;
    NV_PFALCON_FALCON_DMACTL at PFALCON + 0x10c, read_write;
    NV_PFALCON_FALCON_DMATRFBASE at PFALCON + 0x110, read_write;
    NV_PFALCON_FALCON_DMATRFMOFFS at PFALCON + 0x114, read_write;
    NV_PFALCON_FALCON_DMATRFCMD at PFALCON + 0x118, read_write;
    NV_PFALCON_FALCON_DMATRFFBOFFS at PFALCON + 0x11c, read_write;
    NV_PFALCON_FALCON_DMATRFBASE1 at PFALCON + 0x128, read_write;
    NV_PFALCON_FALCON_HWCFG1 at PFALCON + 0x12c, read_only;
    NV_PFALCON_FALCON_CPUCTL_ALIAS at PFALCON + 0x130, write_only;
    NV_PFALCON_FALCON_IMEMC at PFALCON + 0x180 [4 by 16], read_write;
    NV_PFALCON_FALCON_IMEMD at PFALCON + 0x184 [4 by 16], read_write;
    NV_PFALCON_FALCON_IMEMT at PFALCON + 0x188 [4 by 16], read_write;
    NV_PFALCON_FALCON_DMEMC at PFALCON + 0x1c0 [8 by 8], read_write;
    NV_PFALCON_FALCON_DMEMD at PFALCON + 0x1c4 [8 by 8], read_write;
    NV_PFALCON_FALCON_ENGINE at PFALCON + 0x3c0, read_write;
    NV_PFALCON_FALCON_INTR_RETRIGGER at PFALCON + 0x3e8 [2], write_only;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{Register, RelativeRegister};

    #[test]
    fn dma_commands_are_those_that_the_hardware_takes() {
        assert_eq!(NV_PFALCON_FALCON_DMATRFCMD::load_imem().into_raw(), 0x614);
        assert_eq!(NV_PFALCON_FALCON_DMATRFCMD::load_dmem().into_raw(), 0x600);
        assert_eq!(DMATRFCMD_SIZE::SIZE_256B.bytes(), 256);
    }

    #[test]
    fn each_engine_has_its_own() {
        let at = NV_PFALCON_FALCON_CPUCTL::of;
        assert_eq!(at(FalconEngine::GSP).offset(), 0x11_0100);
        assert_eq!(at(FalconEngine::SEC2).offset(), 0x84_0100);
        let sizes = NV_PFALCON_FALCON_HWCFG::from_raw(0x2_0100);
        assert_eq!((sizes.imem_bytes(), sizes.dmem_bytes()), (65536, 65536));
    }
}
