// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A falcon: reset, load by DMA, start, and wait for its halt. As GA10x and AD10x do it, with
//! the boot ROM checking what was loaded.

use std::{thread, time::Duration};

use nova_pci::Pci;
use nova_spec::{
    falcon::{BromParams, FalconEngine, Load, FALCON_BLOCK},
    register::{Location, Readable, RelativeRegister, RelativeRegisterArray},
    regs::*,
};

use crate::{
    card::Card,
    dma::DmaBuffer,
    error::Cause,
    registers::{poll, Registers},
    timeouts::Timeouts,
    wait,
};

/// How long the reset line is held.
const RESET_PULSE: Duration = Duration::from_micros(10);

/// What to load and how the boot ROM checks it. The image itself is in DMA memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoadParameters {
    /// Secure code.
    pub(crate) imem: Load,
    /// Data, with the signature in it.
    pub(crate) dmem: Load,
    /// What the boot ROM is told.
    pub(crate) brom: BromParams,
    /// Where it starts in IMEM.
    pub(crate) boot_vector: u32,
}

/// One of the card's falcons.
pub(crate) struct Falcon<'a, P: Pci> {
    card: &'a Card<P>,
    timeouts: &'a Timeouts,
    engine: FalconEngine,
}

impl<'a, P: Pci> Falcon<'a, P> {
    pub(crate) fn new(card: &'a Card<P>, timeouts: &'a Timeouts, engine: FalconEngine) -> Self {
        Self {
            card,
            timeouts,
            engine,
        }
    }

    /// Which falcon it is.
    pub(crate) fn engine(&self) -> FalconEngine {
        self.engine
    }

    fn registers(&self) -> &'a Registers<P::Bar> {
        &self.card.registers
    }

    /// Resets the engine and leaves its falcon core selected, ready to be loaded.
    pub(crate) fn reset(&self) -> Result<(), Cause> {
        let location = NV_PFALCON_FALCON_HWCFG2::of(self.engine);
        // Without it the reset is done all the same: some boards never raise the bit.
        wait::until(self.timeouts.reset_ready, || {
            let ready = self.registers().read_at(location)?.reset_ready();
            Ok::<_, Cause>(ready.then_some(()))
        })?;
        let engine = NV_PFALCON_FALCON_ENGINE::of(self.engine);
        self.registers()
            .update_at(engine, |it| it.with_reset(true))?;
        thread::sleep(RESET_PULSE);
        self.registers()
            .update_at(engine, |it| it.with_reset(false))?;
        self.wait_for_scrubbing()?;
        self.select_falcon_core()?;
        self.wait_for_scrubbing()?;
        let rm = NV_PFALCON_FALCON_RM::of(self.engine);
        let boot_0 = NV_PFALCON_FALCON_RM::DEFAULT.with_value(self.card.boot_0);
        self.registers().write_at(rm, boot_0)
    }

    fn wait_for_scrubbing(&self) -> Result<(), Cause> {
        self.poll(
            NV_PFALCON_FALCON_HWCFG2::of(self.engine),
            "the falcon's memories to be cleared",
            self.timeouts.scrubbing,
            |it| it.mem_scrubbing_done(),
        )
    }

    /// Switches back from the RISC-V core, where that was selected.
    fn select_falcon_core(&self) -> Result<(), Cause> {
        let location = NV_PRISCV_RISCV_BCR_CTRL::of(self.engine);
        let selected = self.registers().read_at(location)?.core_select();
        if selected == BCR_CTRL_CORE_SELECT::FALCON {
            return Ok(());
        }
        let falcon = NV_PRISCV_RISCV_BCR_CTRL::DEFAULT;
        self.registers().write_at(location, falcon)?;
        self.poll(
            location,
            "the falcon core to be selected",
            self.timeouts.core_select,
            |it| it.valid(),
        )
    }

    /// Lets the falcon's DMA use bus addresses as they are.
    pub(crate) fn reset_dma(&self) -> Result<(), Cause> {
        let control = NV_PFALCON_FBIF_CTL::of(self.engine);
        self.registers()
            .update_at(control, |it| it.with_allow_phys_no_ctx(true))?;
        let dma = NV_PFALCON_FALCON_DMACTL::of(self.engine);
        self.registers()
            .write_at(dma, NV_PFALCON_FALCON_DMACTL::DEFAULT)
    }

    /// Loads an image and tells the boot ROM how to check it. After [`Self::reset`].
    pub(crate) fn load(
        &self,
        image: &DmaBuffer<P::Mapping>,
        parameters: &LoadParameters,
    ) -> Result<(), Cause> {
        self.reset_dma()?;
        let config = of_at::<NV_PFALCON_FBIF_TRANSCFG>(self.engine, 0);
        self.registers().update_at(config, |it| {
            it.with_target(FBIF_TRANSCFG_TARGET::COHERENT_SYSMEM)
                .with_mem_type(FBIF_TRANSCFG_MEM_TYPE::PHYSICAL)
        })?;
        self.copy(image, &parameters.imem, Target::Imem)?;
        self.copy(image, &parameters.dmem, Target::Dmem)?;
        self.program_boot_rom(&parameters.brom)?;
        let vector = NV_PFALCON_FALCON_BOOTVEC::DEFAULT.with_value(parameters.boot_vector);
        let location = NV_PFALCON_FALCON_BOOTVEC::of(self.engine);
        self.registers().write_at(location, vector)
    }

    fn copy(
        &self,
        image: &DmaBuffer<P::Mapping>,
        section: &Load,
        target: Target,
    ) -> Result<(), Cause> {
        let (base, first, command) = match target {
            // The offset in the source tags the block in IMEM.
            Target::Imem => (
                image.bus_address(),
                section.source,
                NV_PFALCON_FALCON_DMATRFCMD::load_imem(),
            ),
            Target::Dmem => (
                image.bus_address() + u64::from(section.source),
                0,
                NV_PFALCON_FALCON_DMATRFCMD::load_dmem(),
            ),
        };
        let registers = self.registers();
        let low = NV_PFALCON_FALCON_DMATRFBASE::DEFAULT.with_value((base >> 8) as u32);
        registers.write_at(NV_PFALCON_FALCON_DMATRFBASE::of(self.engine), low)?;
        let high = NV_PFALCON_FALCON_DMATRFBASE1::new_with_raw_value((base >> 40) as u32);
        registers.write_at(NV_PFALCON_FALCON_DMATRFBASE1::of(self.engine), high)?;
        for block in 0..section.len.div_ceil(FALCON_BLOCK) {
            let at = block * FALCON_BLOCK;
            let offset = NV_PFALCON_FALCON_DMATRFMOFFS::new_with_raw_value(section.target + at);
            registers.write_at(NV_PFALCON_FALCON_DMATRFMOFFS::of(self.engine), offset)?;
            let source = NV_PFALCON_FALCON_DMATRFFBOFFS::DEFAULT.with_value(first + at);
            registers.write_at(NV_PFALCON_FALCON_DMATRFFBOFFS::of(self.engine), source)?;
            let location = NV_PFALCON_FALCON_DMATRFCMD::of(self.engine);
            registers.write_at(location, command)?;
            self.poll(
                location,
                "a block to be copied into the falcon",
                self.timeouts.falcon_dma,
                |it| it.idle(),
            )?;
        }
        Ok(())
    }

    fn program_boot_rom(&self, parameters: &BromParams) -> Result<(), Cause> {
        let registers = self.registers();
        let signature = NV_PFALCON2_FALCON_BROM_PARAADDR::DEFAULT;
        registers.write_at(
            of_at::<NV_PFALCON2_FALCON_BROM_PARAADDR>(self.engine, 0),
            signature.with_value(parameters.pkc_data_offset),
        )?;
        let engines = NV_PFALCON2_FALCON_BROM_ENGIDMASK::DEFAULT;
        registers.write_at(
            NV_PFALCON2_FALCON_BROM_ENGIDMASK::of(self.engine),
            engines.with_value(parameters.engine_id_mask.into()),
        )?;
        let id = NV_PFALCON2_FALCON_BROM_CURR_UCODE_ID::DEFAULT;
        registers.write_at(
            NV_PFALCON2_FALCON_BROM_CURR_UCODE_ID::of(self.engine),
            id.with_val(parameters.ucode_id),
        )?;
        let algorithm = NV_PFALCON2_FALCON_MOD_SEL::DEFAULT.with_algo(MOD_SEL_ALGO::RSA3K);
        registers.write_at(NV_PFALCON2_FALCON_MOD_SEL::of(self.engine), algorithm)
    }

    /// Writes the mailboxes that are given, starts the falcon, waits until it halts, and
    /// returns both mailboxes.
    pub(crate) fn boot(&self, mailboxes: Mailboxes) -> Result<(u32, u32), Cause> {
        self.write_mailboxes(mailboxes)?;
        self.start()?;
        self.wait_for_halt()?;
        Ok((self.mailbox0()?, self.mailbox1()?))
    }

    /// Writes the mailboxes that are given.
    pub(crate) fn write_mailboxes(&self, mailboxes: Mailboxes) -> Result<(), Cause> {
        let (low, high) = match mailboxes {
            Mailboxes::First(low) => (low, None),
            Mailboxes::Both(low, high) => (low, Some(high)),
        };
        let location = NV_PFALCON_FALCON_MAILBOX0::of(self.engine);
        let value = NV_PFALCON_FALCON_MAILBOX0::DEFAULT.with_value(low);
        self.registers().write_at(location, value)?;
        if let Some(high) = high {
            let location = NV_PFALCON_FALCON_MAILBOX1::of(self.engine);
            let value = NV_PFALCON_FALCON_MAILBOX1::DEFAULT.with_value(high);
            self.registers().write_at(location, value)?;
        }
        Ok(())
    }

    /// Starts the falcon.
    pub(crate) fn start(&self) -> Result<(), Cause> {
        let location = NV_PFALCON_FALCON_CPUCTL::of(self.engine);
        if self.registers().read_at(location)?.alias_en() {
            let alias = NV_PFALCON_FALCON_CPUCTL_ALIAS::of(self.engine);
            let start = NV_PFALCON_FALCON_CPUCTL_ALIAS::DEFAULT.with_startcpu(true);
            return self.registers().write_at(alias, start);
        }
        let start = NV_PFALCON_FALCON_CPUCTL::DEFAULT.with_startcpu(true);
        self.registers().write_at(location, start)
    }

    /// Waits until the program has ended.
    pub(crate) fn wait_for_halt(&self) -> Result<(), Cause> {
        self.poll(
            NV_PFALCON_FALCON_CPUCTL::of(self.engine),
            "the falcon to halt",
            self.timeouts.falcon_halt,
            |it| it.halted(),
        )
    }

    /// What the program left in the first mailbox.
    pub(crate) fn mailbox0(&self) -> Result<u32, Cause> {
        let location = NV_PFALCON_FALCON_MAILBOX0::of(self.engine);
        Ok(self.registers().read_any(location)?.value())
    }

    /// What the program left in the second mailbox.
    pub(crate) fn mailbox1(&self) -> Result<u32, Cause> {
        let location = NV_PFALCON_FALCON_MAILBOX1::of(self.engine);
        Ok(self.registers().read_any(location)?.value())
    }

    /// Leaves the application's version where RISC-V firmware looks for it.
    pub(crate) fn write_os_version(&self, version: u32) -> Result<(), Cause> {
        let location = NV_PFALCON_FALCON_OS::of(self.engine);
        let value = NV_PFALCON_FALCON_OS::DEFAULT.with_value(version);
        self.registers().write_at(location, value)
    }

    /// Whether the engine's RISC-V core runs.
    pub(crate) fn is_riscv_active(&self) -> Result<bool, Cause> {
        let location = NV_PRISCV_RISCV_CPUCTL::of(self.engine);
        Ok(self.registers().read_at(location)?.active_stat())
    }

    /// Waits until the engine's RISC-V core runs.
    pub(crate) fn wait_for_riscv(&self) -> Result<(), Cause> {
        self.poll(
            NV_PRISCV_RISCV_CPUCTL::of(self.engine),
            "the RISC-V core to run",
            self.timeouts.riscv_active,
            |it| it.active_stat(),
        )
    }

    fn poll<R: Readable>(
        &self,
        location: Location<R>,
        waited_for: &'static str,
        limit: Duration,
        done: impl Fn(R) -> bool,
    ) -> Result<(), Cause> {
        poll(self.registers(), location, waited_for, limit, done)
    }
}

/// What is written into the mailboxes before a start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mailboxes {
    /// The first only.
    First(u32),
    /// Both.
    Both(u32, u32),
}

impl Mailboxes {
    /// An address, its low half first.
    pub(crate) fn address(address: u64) -> Self {
        Self::Both(address as u32, (address >> 32) as u32)
    }
}

#[derive(Clone, Copy)]
enum Target {
    Imem,
    Dmem,
}

/// Where register `index` of a small array is; the indices used here are constants.
fn of_at<R: RelativeRegisterArray>(engine: FalconEngine, index: u32) -> Location<R> {
    // PANIC: the index is below the array's length, which each use shows by its constant.
    R::of_at(engine, index).expect("an index inside the array")
}
