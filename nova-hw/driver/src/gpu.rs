// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Taking a GPU over: is it one, which one, how much memory.

use std::fmt;

use nova_pci::{Bar, BarIndex, Pci};
use nova_spec::{
    pci::{class, header, VENDOR_NONE, VENDOR_NVIDIA},
    register::{FixedRegister, Readable, Register},
    regs::{Revision, NV_PBUS_BAR1_BLOCK, NV_PMC_BOOT_0, NV_PMC_BOOT_42, NV_USABLE_FB_SIZE_IN_MB},
    Chipset,
};

use crate::{
    command::Enabled,
    error::{at, ProbeError},
    registers::Registers,
    vram::Vram,
};

/// The least BAR0 that holds a register file.
const BAR0_MIN: u64 = 16 << 20;
/// The least BAR1 that drivers of these chips accept.
const BAR1_MIN: u64 = 32 << 20;

/// How configuration space identifies a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PciIds {
    pub vendor: u16,
    pub device: u16,
    pub subsystem_vendor: u16,
    pub subsystem_device: u16,
    pub revision: u8,
    /// Base class, subclass and programming interface.
    pub class: u32,
}

/// What a GPU is; it does not change while the GPU lives. Displays as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuInfo {
    /// The chip.
    pub chipset: Chipset,
    /// Its mask revision.
    pub revision: Revision,
    /// Usable VRAM in bytes.
    pub vram_size: u64,
    /// BAR1 in bytes, which may be more or less than there is VRAM.
    pub vram_bar_size: u64,
    /// `NV_PMC_BOOT_0`.
    pub boot_0: u32,
    /// `NV_PMC_BOOT_42`.
    pub boot_42: u32,
    /// The device's identity on the bus.
    pub pci: PciIds,
}

impl fmt::Display for GpuInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vram = self.vram_size >> 20;
        let reached = self.vram_size.min(self.vram_bar_size) >> 20;
        let (chipset, revision) = (self.chipset, self.revision);
        write!(
            f,
            "{chipset} (rev {revision}), {vram} MiB VRAM, {reached} MiB of it in BAR1"
        )
    }
}

/// A GPU that this process drives. Dropping it turns its bus mastering off again.
///
/// Threads may share it: what it offers takes `&self`.
pub struct Gpu<P: Pci> {
    info: GpuInfo,
    // The BAR goes before the device does.
    bar1: P::Bar,
    _enabled: Enabled<P>,
}

impl<P: Pci> Gpu<P> {
    /// Takes the device over and identifies it. On an error its command register is as it
    /// was, with bus mastering off.
    pub fn probe(pci: P) -> Result<Self, ProbeError> {
        let ids = identify_device(&pci)?;
        let enabled = Enabled::memory(pci)?;
        let bar0 = open_bar(enabled.pci(), BarIndex::Bar0, BAR0_MIN)?;
        let bar1 = open_bar(enabled.pci(), BarIndex::Bar1, BAR1_MIN)?;
        let registers = Registers::new(bar0);
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
        // Whoever had the card before may have left BAR1 in virtual mode.
        let physical = registers.write(NV_PBUS_BAR1_BLOCK::DEFAULT);
        physical.map_err(at("put BAR1 into physical mode"))?;
        enabled.bus_master()?;
        tracing::info!(
            device = format_args!("{:04x}:{:04x}", ids.vendor, ids.device),
            "{info}"
        );
        Ok(Self {
            info,
            bar1,
            _enabled: enabled,
        })
    }

    /// What the GPU is.
    pub fn info(&self) -> &GpuInfo {
        &self.info
    }

    /// The part of VRAM that the CPU reaches.
    pub fn vram(&self) -> Vram<'_, P::Bar> {
        Vram::new(&self.bar1, self.info.vram_size.min(self.info.vram_bar_size))
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

fn read_vram_size<B: Bar>(registers: &Registers<B>) -> Result<u64, ProbeError> {
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
    let register: R = registers.read().map_err(at("read a register in BAR0"))?;
    if register.into_raw() == u32::MAX {
        return Err(ProbeError::OffTheBus { register: R::NAME });
    }
    Ok(register)
}
