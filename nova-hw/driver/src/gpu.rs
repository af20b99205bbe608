// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Taking a GPU over: is it one, which one, how much memory.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    Arc,
};

use nova_pci::{Bar, BarIndex, Pci};
use nova_spec::{
    pci::{class, header, VENDOR_NONE, VENDOR_NVIDIA},
    register::{FixedRegister, Readable, Register},
    regs::{NV_PMC_BOOT_0, NV_PMC_BOOT_42, NV_USABLE_FB_SIZE_IN_MB},
    Chipset,
};

use crate::{
    boot::{self, BootOptions, Booted},
    card::Card,
    command::Enabled,
    dma::DmaSpace,
    error::{at, BootError, Cause, ProbeError},
    firmware::FirmwareSource,
    gfw,
    info::{GpuInfo, PciIds},
    registers::Registers,
    timeouts::Timeouts,
    trace::Trace,
    vram::Vram,
};

/// The least BAR0 that holds a register file.
const BAR0_MIN: u64 = 16 << 20;
/// The least BAR1 that drivers of these chips accept.
const BAR1_MIN: u64 = 32 << 20;

/// A GPU that this process drives. Dropping it turns its bus mastering off again.
///
/// Threads may share it: what it offers takes `&self`.
pub struct Gpu<P: Pci> {
    info: GpuInfo,
    // The BARs go before the device does.
    bar1: P::Bar,
    card: Arc<Card<P>>,
}

impl<P: Pci> Gpu<P> {
    /// Takes the device over and identifies it. On an error its command register is as it
    /// was, with bus mastering off.
    pub fn probe(pci: P) -> Result<Self, ProbeError> {
        Self::probe_with(pci, None)
    }

    /// As [`Self::probe`]; `trace` is told of every access to a register from here on.
    pub fn probe_traced(pci: P, trace: Arc<dyn Trace>) -> Result<Self, ProbeError> {
        Self::probe_with(pci, Some(trace))
    }

    fn probe_with(pci: P, trace: Option<Arc<dyn Trace>>) -> Result<Self, ProbeError> {
        let ids = identify_device(&pci)?;
        let enabled = Enabled::memory(pci)?;
        let bar0 = open_bar(enabled.pci(), BarIndex::Bar0, BAR0_MIN)?;
        let bar1 = open_bar(enabled.pci(), BarIndex::Bar1, BAR1_MIN)?;
        let registers = Registers::new(bar0, trace);
        let (boot_0, boot_42, chipset) = identify_chip(&registers)?;
        let info = GpuInfo {
            chipset,
            revision: boot_42.revision(),
            vram_size: read_vram_size(&registers)?,
            vram_bar_size: bar1.size(),
            boot_0: boot_0.into_raw(),
            boot_42: boot_42.into_raw(),
            pci: ids,
        };
        let card = Card {
            registers,
            dma: DmaSpace::new(enabled.pci()).map_err(ProbeError::Dma)?,
            boot_0: info.boot_0,
            enabled,
            bar1_is_virtual: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
        };
        card.set_up_bus()?;
        tracing::info!(
            device = format_args!("{:04x}:{:04x}", ids.vendor, ids.device),
            "{info}"
        );
        let card = Arc::new(card);
        Ok(Self { info, bar1, card })
    }

    /// What the GPU is.
    pub fn info(&self) -> &GpuInfo {
        &self.info
    }

    /// The part of VRAM that the CPU reaches: none once BAR1 was put into virtual mode
    /// ([`Booted::bar1`]).
    pub fn vram(&self) -> Vram<'_, P::Bar> {
        let size = match self.card.bar1_is_virtual.load(Ordering::Acquire) {
            true => 0,
            false => self.info.vram_size.min(self.info.vram_bar_size),
        };
        Vram::new(&self.bar1, size)
    }

    /// Boots GSP-RM with the firmware that `firmware` has. Where somebody left a GPU that was
    /// not shut down, it is reset first.
    ///
    /// # Errors
    /// The error names the step. What had been done is undone as far as the card lets it, and
    /// the device is given back; it may be probed again.
    pub fn boot(
        self,
        firmware: &dyn FirmwareSource,
        options: &BootOptions,
    ) -> Result<Booted<P>, BootError> {
        boot::boot(self, firmware, options)
    }

    /// Bytes of VRAM, read again: they are the same while the card is there.
    pub(crate) fn read_vram_size(&self) -> Result<u64, Cause> {
        let size: NV_USABLE_FB_SIZE_IN_MB = self.card.registers.read()?;
        Ok(size.bytes())
    }

    pub(crate) fn card(&self) -> &Arc<Card<P>> {
        &self.card
    }
}

/// Reads who the device is, and refuses what is no NVIDIA GPU before anything is written.
fn identify_device<P: Pci>(pci: &P) -> Result<PciIds, ProbeError> {
    let read16 = |offset| {
        pci.config_read16(offset)
            .map_err(at("read configuration space"))
    };
    let vendor = read16(header::VENDOR_ID)?;
    let device = read16(header::DEVICE_ID)?;
    if vendor == VENDOR_NONE {
        return Err(ProbeError::NoDevice);
    }
    if vendor != VENDOR_NVIDIA {
        return Err(ProbeError::NotNvidia { vendor, device });
    }
    let revision_class = pci.config_read32(header::REVISION_CLASS);
    let revision_class = revision_class.map_err(at("read configuration space"))?;
    let class = revision_class >> 8;
    if class >> 16 != u32::from(class::BASE_DISPLAY) {
        return Err(ProbeError::NotGpu { device, class });
    }
    Ok(PciIds {
        vendor,
        device,
        subsystem_vendor: read16(header::SUBSYSTEM_VENDOR_ID)?,
        subsystem_device: read16(header::SUBSYSTEM_ID)?,
        revision: revision_class as u8,
        class,
    })
}

fn open_bar<P: Pci>(pci: &P, index: BarIndex, min: u64) -> Result<P::Bar, ProbeError> {
    let bar = pci.bar(index).map_err(at("open a BAR"))?;
    if bar.size() < min {
        return Err(ProbeError::BarTooSmall {
            bar: index.name(),
            size: bar.size(),
            min,
        });
    }
    Ok(bar)
}

fn identify_chip<B: Bar>(
    registers: &Registers<B>,
) -> Result<(NV_PMC_BOOT_0, NV_PMC_BOOT_42, Chipset), ProbeError> {
    let boot_0: NV_PMC_BOOT_0 = read_present(registers)?;
    if !boot_0.has_boot_42() {
        return Err(ProbeError::Unsupported {
            boot_0: boot_0.into_raw(),
            boot_42: None,
        });
    }
    let boot_42: NV_PMC_BOOT_42 = read_present(registers)?;
    let chipset = boot_42.chipset().ok_or(ProbeError::Unsupported {
        boot_0: boot_0.into_raw(),
        boot_42: Some(boot_42.into_raw()),
    })?;
    Ok((boot_0, boot_42, chipset))
}

/// Bytes of VRAM. The card's own firmware leaves them, so where there are none yet this waits
/// until it is done: a card that was just reset may be met in the middle of it.
fn read_vram_size<B: Bar>(registers: &Registers<B>) -> Result<u64, ProbeError> {
    let size: NV_USABLE_FB_SIZE_IN_MB = read_present(registers)?;
    if size.bytes() != 0 {
        return Ok(size.bytes());
    }
    gfw::wait(registers, &Timeouts::default()).map_err(ProbeError::Gfw)?;
    let size: NV_USABLE_FB_SIZE_IN_MB = read_present(registers)?;
    match size.bytes() {
        0 => Err(ProbeError::NoVram),
        bytes => Ok(bytes),
    }
}

/// Reads a register that is never all-ones on a card that answers.
fn read_present<R: FixedRegister + Readable, B: Bar>(
    registers: &Registers<B>,
) -> Result<R, ProbeError> {
    registers.read().map_err(|cause| match cause {
        Cause::Pci(source) => at("read a register in BAR0")(source),
        _ => ProbeError::OffTheBus { register: R::NAME },
    })
}
