// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The booters on SEC2: one sets GSP-RM up in the write-protected region and starts it, the
//! other takes the region away after it has ended.

use nova_spec::{
    falcon::FalconEngine,
    firmware::booter::UNLOAD_MAILBOX,
    gsp::{
        radix3::{Radix3, ENTRIES},
        wpr::GspFwWprMeta,
        GSP_PAGE_SIZE,
    },
    register::{FixedRegister, RelativeRegister},
    regs::*,
    FormatError,
};

use super::{brom, gsp::Phase, wpr, Gpu};
use crate::dma::{Dma, DmaError};

/// What the mailboxes say together for the end.
const UNLOAD: u64 = (UNLOAD_MAILBOX as u64) << 32 | UNLOAD_MAILBOX as u64;
/// Most bytes of an image, several times those of the largest: a bound on the work here.
const MAX_IMAGE: u64 = 512 << 20;
/// Most bytes of signatures and of a bootloader, for the same reason.
const MAX_PART: u64 = 16 << 20;
/// Alignment of the write-protected region.
const WPR_ALIGN: u64 = 128 << 10;

/// Why a booter fails. The code is left in SEC2's mailbox 0; the card's own are not public.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BooterError {
    /// It runs still.
    #[error("GSP-RM runs")]
    Running,
    /// FWSEC has not run, or for another region.
    #[error("FRTS is not at {0:#x}")]
    Frts(u64),
    /// The metadata makes no sense.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Another memory size than there is.
    #[error("VRAM has not {0:#x} bytes")]
    FbSize(u64),
    /// Already used.
    #[error("the metadata was verified before")]
    Verified,
    /// Not what it must be a multiple of.
    #[error("{0} is not aligned, or not of a size that it can have")]
    Part(&'static str),
    /// What the metadata names is not there.
    #[error(transparent)]
    Dma(#[from] DmaError),
}

impl BooterError {
    fn code(&self) -> u32 {
        match self {
            Self::Running => 1,
            Self::Frts(_) => 2,
            Self::Format(_) => 3,
            Self::FbSize(_) => 4,
            Self::Verified => 5,
            Self::Part(_) => 6,
            Self::Dma(_) => 7,
        }
    }
}

impl Gpu {
    /// What was loaded into SEC2's falcon runs to its end.
    pub(super) fn run_booter(&mut self) {
        if self.rm.phase() == Phase::Sequence {
            return self.resume_gsp();
        }
        if !self.sec2.is_loaded() {
            return;
        }
        if let Err(error) = brom::check_sec2(&self.registers, &self.sec2) {
            return tracing::warn!(%error, "the boot ROM of SEC2 does not run what is loaded");
        }
        let done = match self.sec2.mailboxes(&self.registers) {
            0 | UNLOAD => self.booter_unload(),
            address => self.booter_load(address),
        };
        let code = match done {
            Ok(()) => 0,
            Err(error) => {
                tracing::warn!(%error, "the booter failed");
                error.code()
            }
        };
        self.sec2.set_mailbox0(&mut self.registers, code);
    }

    fn booter_load(&mut self, address: u64) -> Result<(), BooterError> {
        if self.riscv_is_active() {
            return Err(BooterError::Running);
        }
        let mut bytes = [0; GspFwWprMeta::SIZE];
        self.dma.read(address, &mut bytes)?;
        let meta = *GspFwWprMeta::check(&bytes)?;
        self.check_meta(&meta)?;
        walk_radix3(
            &mut self.dma,
            meta.sysmemAddrOfRadix3Elf.get(),
            meta.sizeOfRadix3Elf.get(),
        )?;
        for (part, address, size) in [
            (
                "the signature",
                meta.sysmemAddrOfSignature,
                meta.sizeOfSignature,
            ),
            (
                "the bootloader",
                meta.sysmemAddrOfBootloader,
                meta.sizeOfBootloader,
            ),
        ] {
            read_part(&mut self.dma, part, address.get(), size.get())?;
        }
        let verified = address + std::mem::offset_of!(GspFwWprMeta, verified) as u64;
        self.dma
            .write(verified, &GspFwWprMeta::VERIFIED.to_le_bytes())?;
        let region = meta.gspFwWprStart.get()..meta.gspFwWprEnd.get();
        if !wpr::set_wpr2(&mut self.registers, region) {
            return Err(BooterError::Part("the write-protected region"));
        }
        tracing::info!("booter: GSP-RM is loaded");
        self.set_handoff(false);
        let libos = self.gsp.mailboxes(&self.registers);
        self.start_riscv();
        self.rm.start(&mut self.dma, libos, &meta);
        self.run_rm();
        Ok(())
    }

    /// What depends on this card.
    fn check_meta(&self, meta: &GspFwWprMeta) -> Result<(), BooterError> {
        let frts = meta.frtsOffset.get()..meta.frtsOffset.get() + meta.frtsSize.get();
        if self.wpr2() != Some(frts.clone()) {
            return Err(BooterError::Frts(frts.start));
        }
        if meta.fbSize.get() != self.board.vram {
            return Err(BooterError::FbSize(meta.fbSize.get()));
        }
        if meta.verified.get() != 0 {
            return Err(BooterError::Verified);
        }
        let (start, end) = (meta.gspFwWprStart.get(), meta.gspFwWprEnd.get());
        if start % WPR_ALIGN != 0 || end % WPR_ALIGN != 0 || end != frts.end {
            return Err(BooterError::Part("the write-protected region"));
        }
        Ok(())
    }

    fn booter_unload(&mut self) -> Result<(), BooterError> {
        if self.riscv_is_active() {
            return Err(BooterError::Running);
        }
        wpr::clear_wpr2(&mut self.registers);
        tracing::info!("booter: GSP-RM is unloaded");
        Ok(())
    }

    /// SEC2 starts GSP again, after the driver has run the sequence.
    fn resume_gsp(&mut self) {
        let libos = self.gsp.mailboxes(&self.registers);
        if !self.rm.resume(libos, &self.registers) {
            return;
        }
        self.set_handoff(true);
        self.sec2.set_mailbox0(&mut self.registers, 0);
        self.start_riscv();
        self.run_rm();
    }

    fn set_handoff(&mut self, done: bool) {
        let location = NV_PGC6_BSI_SECURE_SCRATCH_14::LOCATION;
        let scratch = self.registers.at(location);
        let handoff = scratch.with_boot_stage_3_handoff(done);
        self.registers.set(location, handoff);
    }

    /// GSP's RISC-V core runs, and its messages interrupt.
    fn start_riscv(&mut self) {
        let gsp = FalconEngine::GSP;
        let active = NV_PRISCV_RISCV_CPUCTL::DEFAULT.with_active_stat(true);
        self.registers.set(NV_PRISCV_RISCV_CPUCTL::of(gsp), active);
        let location = NV_PRISCV_RISCV_BCR_CTRL::of(gsp);
        let selected = self.registers.at(location);
        let selected = selected.with_core_select(BCR_CTRL_CORE_SELECT::RISCV);
        self.registers.set(location, selected);
        let swgen0 = NV_PFALCON_FALCON_IRQSTAT::DEFAULT.with_swgen0(true);
        let mask = NV_PRISCV_RISCV_IRQMASK::DEFAULT.with_value(swgen0.raw_value());
        self.registers.set(NV_PRISCV_RISCV_IRQMASK::of(gsp), mask);
    }

    pub(super) fn riscv_is_active(&self) -> bool {
        let cpuctl = NV_PRISCV_RISCV_CPUCTL::of(FalconEngine::GSP);
        self.registers.at(cpuctl).active_stat()
    }
}

/// Reads every page of the tables and touches every page of the image.
fn walk_radix3(dma: &mut Dma, level0: u64, size: u64) -> Result<(), BooterError> {
    if size > MAX_IMAGE {
        return Err(BooterError::Part("the image"));
    }
    let tables = Radix3::for_size(size)?;
    let mut levels = [level0, 0, 0];
    for page in 0..tables.image {
        let path = Radix3::path(page);
        // A new table of level 2 starts, perhaps also one of level 1.
        if page % ENTRIES == 0 {
            levels[1] = entry(dma, levels[0], path[0])?;
            levels[2] = entry(dma, levels[1], path[1])?;
        }
        let image = entry(dma, levels[2], path[2])?;
        dma.read64(image)?;
    }
    Ok(())
}

/// The address of a page in a table.
fn entry(dma: &mut Dma, table: u64, index: u64) -> Result<u64, BooterError> {
    let at = table.checked_add(index * 8);
    let at = at.ok_or(BooterError::Part("a table of the image"))?;
    let address = dma.read64(at)?;
    match address % GSP_PAGE_SIZE == 0 && address != 0 {
        true => Ok(address),
        false => Err(BooterError::Part("a page of the image")),
    }
}

fn read_part(dma: &mut Dma, part: &'static str, from: u64, size: u64) -> Result<(), BooterError> {
    if !(1..=MAX_PART).contains(&size) {
        return Err(BooterError::Part(part));
    }
    let mut page = [0; GSP_PAGE_SIZE as usize];
    for offset in (0..size).step_by(page.len()) {
        let len = (size - offset).min(GSP_PAGE_SIZE) as usize;
        let at = from.checked_add(offset).ok_or(BooterError::Part(part))?;
        dma.read(at, &mut page[..len])?;
    }
    Ok(())
}
