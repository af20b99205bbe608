// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What is known of a GPU: by its registers, and more once it has booted.

use std::{fmt, ops::Range};

use nova_spec::{gsp::layout::FbLayout, regs::Revision, Chipset};
use serde::{Serialize, Serializer};

/// How configuration space identifies a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GpuInfo {
    /// The chip; serialised as its name.
    #[serde(serialize_with = "as_text")]
    pub chipset: Chipset,
    /// Its mask revision; serialised as text, like `a1`.
    #[serde(serialize_with = "as_text")]
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

/// What a GPU is once GSP-RM runs on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootInfo {
    /// What was known before.
    pub gpu: GpuInfo,
    /// The board's name, as RM gives it; printable ASCII. Empty when RM gives none.
    pub name: String,
    /// The VBIOS.
    pub vbios: VbiosInfo,
    /// GSP's firmware.
    pub firmware: FirmwareInfo,
    /// What of VRAM is the firmware's.
    pub layout: VramLayout,
    /// The regions of VRAM, as RM divides it, ascending.
    pub regions: Vec<VramRegion>,
    /// The engines that RM offers, by NVIDIA's names, like `COPY0`. Empty when RM names none.
    pub engines: Vec<String>,
}

/// What the VBIOS says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VbiosInfo {
    /// Its version, like `94.02.42.00.b4`, where it has one.
    pub version: Option<String>,
    /// Its date, like `03/04/21`, where it has one.
    pub date: Option<String>,
    /// Bytes of its images.
    pub size: u64,
    /// Where it was read: `PROM` or `ROM BAR`.
    pub source: &'static str,
}

/// Which firmware runs on GSP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirmwareInfo {
    /// Its version, like `570.144`.
    pub version: String,
    /// Where its image was found.
    pub origin: String,
}

/// What of VRAM the firmware has: ranges of addresses. The last of them is the lowest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VramLayout {
    /// For VGA.
    pub vga_workspace: Range<u64>,
    /// The write-protected region, which has the following four.
    pub wpr2: Range<u64>,
    /// What FWSEC protects.
    pub frts: Range<u64>,
    /// GSP's bootloader.
    pub bootloader: Range<u64>,
    /// GSP-RM's image.
    pub image: Range<u64>,
    /// GSP's heap.
    pub heap: Range<u64>,
    /// GSP's heap outside of WPR2.
    pub non_wpr_heap: Range<u64>,
}

impl From<&FbLayout> for VramLayout {
    fn from(layout: &FbLayout) -> Self {
        Self {
            vga_workspace: layout.vga_workspace.clone(),
            wpr2: layout.wpr2.clone(),
            frts: layout.frts.clone(),
            bootloader: layout.boot.clone(),
            image: layout.elf.clone(),
            heap: layout.wpr2_heap.clone(),
            non_wpr_heap: layout.non_wpr_heap.clone(),
        }
    }
}

/// A region of VRAM. What may be used has no reserved bytes and is not protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct VramRegion {
    /// Its first byte.
    pub base: u64,
    /// Its last byte.
    pub limit: u64,
    /// Bytes of it that RM keeps.
    pub reserved: u64,
    /// How fast it is, relative to the others.
    pub performance: u32,
    /// Whether compressed surfaces may be in it.
    pub supports_compressed: bool,
    /// Whether isochronous clients may use it.
    pub supports_iso: bool,
    /// Whether it is protected from the CPU.
    pub protected: bool,
}

impl VramRegion {
    /// Whether a driver may allocate from it.
    pub fn is_usable(&self) -> bool {
        let takes_all = self.supports_compressed && self.supports_iso;
        self.reserved == 0 && !self.protected && takes_all && self.base <= self.limit
    }
}

impl BootInfo {
    /// The regions from which a driver may allocate.
    pub fn usable_regions(&self) -> impl Iterator<Item = &VramRegion> {
        self.regions.iter().filter(|region| region.is_usable())
    }
}

fn as_text<S: Serializer>(value: &impl fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
