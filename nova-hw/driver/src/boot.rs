// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Booting GSP-RM, from a GPU that was identified to one that takes commands, and back.
//!
//! The order is that of nova-core; docs/hardware.md explains it. Each part that has something to
//! undo does so when it is dropped, and parts are dropped in reverse order: locals of
//! [`attempt`] while it is on the way, then the fields of [`Booted`].

use std::sync::{Arc, Mutex, PoisonError, Weak};

use nova_pci::Pci;
use nova_spec::{
    falcon::FalconEngine,
    gsp::layout::{FbLayout, LayoutInput},
    register::{FixedRegister, RelativeRegister},
    regs::{
        NV_FUSE_STATUS_OPT_DISPLAY, NV_PBUS_BAR1_BLOCK, NV_PDISP_VGA_WORKSPACE_BASE,
        NV_PFALCON_FALCON_IRQSCLR,
    },
};

use crate::{
    bar1::{Bar1, Bar1Error, Bar1Setup},
    card::Card,
    error::{BootError, Cause, During, Failed, Step, UnloadError},
    falcon::{Falcon, Mailboxes},
    firmware::{Files, FirmwareSource, Images},
    flush_page::FlushPage,
    gfw,
    gpu::Gpu,
    gsp::{GspMemory, Rm},
    info::{BootInfo, FirmwareInfo},
    mem::MemoryManager,
    rm::SharedRm,
    timeouts::Timeouts,
    ucode::{Ucode, UcodeError},
    vbios::Rom,
    wpr2::{self, UnloadBundle},
};

/// What may be chosen about a boot.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BootOptions {
    /// How long each wait may take.
    pub timeouts: Timeouts,
    /// Where the device is, as RM is told: `bus << 8 | device << 3 | function`; 0 when that is
    /// not known.
    pub bdf: u16,
}

/// A GPU on which GSP-RM runs. Dropping it unloads RM, as [`Self::unload`] does, and only logs
/// what fails.
///
/// # Invariants
/// The fields are in the order in which they are dropped: nothing is unmapped before what uses
/// it on the card has ended, or can reach memory no more.
pub struct Booted<P: Pci> {
    info: BootInfo,
    parts: Parts<P>,
    gpu: Gpu<P>,
}

/// What a boot leaves, in the order in which it goes.
struct Parts<P: Pci> {
    bar1: (Bar1Setup, Mutex<Weak<Bar1<P>>>),
    memory: OpenMemory<P>,
    rm: RunningRm<P>,
    bundle: UnloadBundle<P>,
    _memory: Arc<GspMemory<P::Mapping>>,
    flush_page: FlushPage<P>,
}

/// The memory manager, which takes no more orders once this is dropped.
struct OpenMemory<P: Pci>(Arc<MemoryManager<P>>);

impl<P: Pci> Drop for OpenMemory<P> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// GSP-RM until it is told to end, at the latest when this is dropped; whoever else has a part in
/// it finds it closed then.
struct RunningRm<P: Pci>(Arc<SharedRm<P>>);

impl<P: Pci> Drop for RunningRm<P> {
    fn drop(&mut self) {
        if let Err(Failed { step, cause }) = self.0.unload() {
            tracing::warn!(error = %cause, "cannot {step}");
        }
    }
}

impl<P: Pci> Booted<P> {
    /// The memory for work on the GPU. What is made of it is of no use once this was unloaded.
    pub fn memory(&self) -> &Arc<MemoryManager<P>> {
        &self.parts.memory.0
    }

    /// BAR1 in virtual mode. The first call puts it there; from then on [`Gpu::vram`] shows
    /// nothing.
    ///
    /// # Errors
    /// When RM has not set BAR1 up, there is no memory, or the card cannot be reached.
    pub fn bar1(&self) -> Result<Arc<Bar1<P>>, Bar1Error> {
        let (setup, bar1) = &self.parts.bar1;
        let mut bar1 = bar1.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar1) = bar1.upgrade() {
            return Ok(bar1);
        }
        let new = Bar1::new(self.memory(), setup)?;
        *bar1 = Arc::downgrade(&new);
        Ok(new)
    }

    /// What is known of the GPU.
    pub fn info(&self) -> &BootInfo {
        &self.info
    }

    /// The GPU below.
    pub fn gpu(&self) -> &Gpu<P> {
        &self.gpu
    }

    /// Takes care of the events that RM has sent, without waiting; how many there were. They are
    /// logged. To be called now and then: RM stops when its queue is full.
    ///
    /// # Errors
    /// When a message is not in order; it is thrown away.
    pub fn handle_events(&mut self) -> Result<u32, Cause> {
        self.parts.rm.0.log_events()
    }

    /// GSP-RM.
    pub(crate) fn rm(&self) -> &Arc<SharedRm<P>> {
        &self.parts.rm.0
    }

    /// Ends GSP-RM and leaves the card so that it can be booted again, by whomever, without a
    /// reset.
    ///
    /// # Errors
    /// The first step that failed; those after it were done all the same. The device is given
    /// back with bus mastering off, and after a reset where there is one.
    pub fn unload(self) -> Result<Gpu<P>, UnloadError> {
        let Self { parts, gpu, .. } = self;
        let Parts {
            memory,
            bar1: _,
            rm,
            mut bundle,
            _memory,
            mut flush_page,
        } = parts;
        drop(memory);
        let rm = rm.0.unload();
        let bundle = bundle.run();
        let flush_page = flush_page.clear().during(Step::ClearFlushPage);
        rm.and(bundle).and(flush_page)?;
        tracing::info!("GSP-RM unloaded");
        Ok(gpu)
    }
}

/// Boots; where the card was left in use, resets it and boots once more.
pub(crate) fn boot<P: Pci>(
    gpu: Gpu<P>,
    firmware: &dyn FirmwareSource,
    options: &BootOptions,
) -> Result<Booted<P>, BootError> {
    let files = Files::find(firmware, gpu.info().chipset).during(Step::LoadFirmware)?;
    let images = files.images().during(Step::LoadFirmware)?;
    let attempt = || attempt(&gpu, &images, options);
    let booted = match attempt() {
        Err(Failed {
            cause: Cause::Wpr2Set { start, end, .. },
            ..
        }) => {
            tracing::warn!("WPR2 is set at {start:#x}..{end:#x}: resetting the GPU");
            reset(gpu.card(), start, end)?;
            attempt()
        }
        result => result,
    };
    let (parts, mut info) = booted?;
    info.firmware.origin = files.origin().into();
    tracing::info!(
        name = info.name,
        firmware = info.firmware.version,
        "GSP-RM runs"
    );
    Ok(Booted { info, parts, gpu })
}

/// Resets a card that somebody left with WPR2 set. The first attempt has already tried to end
/// the region, so where there is no reset that may have been enough.
fn reset<P: Pci>(card: &Card<P>, start: u64, end: u64) -> Result<(), Failed> {
    let reset = card.pci().reset();
    let set_up = card.set_up_bus();
    set_up
        .map_err(|error| Cause::Bus(Box::new(error)))
        .during(Step::ResetDevice)?;
    let Err(error) = reset else { return Ok(()) };
    match wpr2::check_clear(&card.registers) {
        Ok(()) => {
            tracing::warn!(%error, "the GPU was not reset, but WPR2 is clear now");
            Ok(())
        }
        Err(Cause::Wpr2Set { .. }) => {
            let reset = Some(error);
            Err(Cause::Wpr2Set { start, end, reset }).during(Step::ResetDevice)
        }
        Err(cause) => Err(cause).during(Step::ResetDevice),
    }
}

/// One attempt. What it has done is undone when it fails.
fn attempt<P: Pci>(
    gpu: &Gpu<P>,
    images: &Images<'_>,
    options: &BootOptions,
) -> Result<(Parts<P>, BootInfo), Failed> {
    let (card, timeouts) = (gpu.card(), &options.timeouts);
    let registers = &card.registers;
    gfw::wait(registers, timeouts).during(Step::WaitForGfw)?;
    let flush_page = FlushPage::set(card).during(Step::SetFlushPage)?;
    clear_message_interrupt(card).during(Step::PrepareMemory)?;
    let memory = GspMemory::new(card, images).during(Step::PrepareMemory)?;
    let layout = lay_out(gpu, images).during(Step::LayOutVram)?;
    memory
        .write_wpr_meta(&layout, images)
        .during(Step::PrepareMemory)?;
    let memory = Arc::new(memory);

    let rom = Rom::read(card).during(Step::ReadVbios)?;
    let fwsec = rom.images().and_then(|images| images.fwsec());
    let fwsec = fwsec
        .map_err(|source| UcodeError::Invalid {
            program: "FWSEC",
            source,
        })
        .during(Step::PrepareUcode)?;
    let bundle = UnloadBundle::new(card, timeouts, &fwsec, images).during(Step::PrepareUcode)?;

    wpr2::check_clear(registers).during(Step::CheckWpr2)?;
    wpr2::run_fwsec_frts(card, timeouts, &fwsec, &layout.frts).during(Step::RunFwsecFrts)?;
    let mut rm = start_gsp(card, timeouts, images, &memory)?;
    let static_info = rm.start(&gpu.info().pci, options.bdf)?;
    // RM has put BAR1 into virtual mode, with page tables of its own.
    let bar1 = Bar1Setup {
        block: registers
            .read_any(NV_PBUS_BAR1_BLOCK::LOCATION)
            .during(Step::SetUpBar1)?,
        root: static_info.bar1_root,
    };
    registers
        .write(NV_PBUS_BAR1_BLOCK::DEFAULT)
        .during(Step::SetUpBar1)?;
    card.set_bar1_virtual(false);

    let info = BootInfo {
        gpu: *gpu.info(),
        name: static_info.name,
        vbios: rom.info(),
        firmware: FirmwareInfo {
            version: images.gsp.version.into(),
            origin: String::new(),
        },
        layout: (&layout).into(),
        regions: static_info.regions,
        engines: static_info.engines,
    };
    let parts = Parts {
        bar1: (bar1, Mutex::default()),
        memory: OpenMemory(MemoryManager::new(card, timeouts, &info)),
        rm: RunningRm(Arc::new(SharedRm::new(card, rm))),
        bundle,
        _memory: memory,
        flush_page,
    };
    Ok((parts, info))
}

/// An older message's interrupt must not look like the first of this boot.
fn clear_message_interrupt<P: Pci>(card: &Card<P>) -> Result<(), Cause> {
    let location = NV_PFALCON_FALCON_IRQSCLR::of(FalconEngine::GSP);
    let clear = NV_PFALCON_FALCON_IRQSCLR::DEFAULT.with_swgen0(true);
    card.registers.write_at(location, clear)
}

/// Places the firmware in VRAM.
fn lay_out<P: Pci>(gpu: &Gpu<P>, images: &Images<'_>) -> Result<FbLayout, Cause> {
    let registers = &gpu.card().registers;
    let fb_size = gpu.read_vram_size()?;
    let display: NV_FUSE_STATUS_OPT_DISPLAY = registers.read()?;
    let vga_workspace = match display.has_display() {
        true => registers.read::<NV_PDISP_VGA_WORKSPACE_BASE>()?.address(),
        false => None,
    };
    Ok(FbLayout::new(&LayoutInput {
        fb_size,
        vga_workspace,
        bootloader_size: images.bootloader.image.len() as u64,
        image_size: images.gsp.image.len() as u64,
    })?)
}

/// From WPR2 to a running RISC-V core.
fn start_gsp<P: Pci>(
    card: &Arc<Card<P>>,
    timeouts: &Timeouts,
    images: &Images<'_>,
    memory: &Arc<GspMemory<P::Mapping>>,
) -> Result<Rm<P>, Failed> {
    let gsp = Falcon::new(card, timeouts, FalconEngine::GSP);
    let sec2 = Falcon::new(card, timeouts, FalconEngine::SEC2);
    // Nothing is loaded: it halts at once, and the mailboxes keep what GSP's firmware reads.
    let libos = Mailboxes::address(memory.libos_address());
    gsp.reset()
        .and_then(|()| gsp.boot(libos))
        .during(Step::ResetGsp)?;
    let booter = Ucode::booter(card, "booter_load", &images.booter_load);
    let booter = booter.during(Step::PrepareUcode)?;
    // From here on RM may run, and has to be told to end.
    let rm = Rm::new(card, timeouts, memory, images.bootloader.app_version);
    booter
        .run(&sec2, Mailboxes::address(memory.wpr_meta_address()))
        .during(Step::RunBooterLoad)?;
    gsp.write_os_version(images.bootloader.app_version)
        .and_then(|()| gsp.wait_for_riscv())
        .during(Step::StartRiscv)?;
    Ok(rm)
}
