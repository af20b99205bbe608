// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The chips known, a row each. Identity values are those of the mask revision A1.

use core::fmt;

use crate::pci::class;

/// A chip, by NVIDIA's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Chipset {
    /// Ampere: GeForce RTX 3080/3090, RTX A6000, A10, A40.
    GA102 = 0x172,
    /// Ada: GeForce RTX 4090, RTX 6000 Ada, L40.
    AD102 = 0x192,
}

impl Chipset {
    /// The chip that `NV_PMC_BOOT_42::chip_id` names, when it is known.
    pub fn from_id(id: u16) -> Option<Self> {
        CHIPS
            .iter()
            .map(|chip| chip.chipset)
            .find(|chipset| chipset.id() == id)
    }

    /// Architecture and implementation, as in `NV_PMC_BOOT_42`.
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// NVIDIA's name, like `GA102`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GA102 => "GA102",
            Self::AD102 => "AD102",
        }
    }
}

impl fmt::Display for Chipset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What tells one chip from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Its name.
    pub chipset: Chipset,
    /// `NV_PMC_BOOT_0`.
    pub boot_0: u32,
    /// `NV_PMC_BOOT_42`.
    pub boot_42: u32,
    /// PCI device id of one card that has the chip.
    pub pci_device: u16,
    /// PCI revision id.
    pub pci_revision: u8,
    /// PCI base class, subclass and programming interface.
    pub pci_class: u32,
    /// Bytes of BAR0, the register file: 32-bit, not prefetchable.
    pub bar0_size: u64,
    /// Bytes of BAR1, the window on VRAM: 64-bit, prefetchable.
    pub bar1_size: u64,
    /// Bytes of BAR3, the window on instance memory: 64-bit, prefetchable.
    pub bar3_size: u64,
    /// Bytes of the option ROM's BAR.
    pub rom_size: u64,
}

/// GA102 on a GeForce RTX 3090, as a 3D controller without display.
pub const GA102: Chip = Chip {
    chipset: Chipset::GA102,
    boot_0: 0x1720_00a1,
    boot_42: 0x172a_1000,
    pci_device: 0x2204,
    pci_revision: 0xa1,
    pci_class: class::DISPLAY_3D,
    bar0_size: 16 << 20,
    bar1_size: 256 << 20,
    bar3_size: 32 << 20,
    rom_size: 512 << 10,
};

/// AD102 on a GeForce RTX 4090, as a 3D controller without display.
pub const AD102: Chip = Chip {
    chipset: Chipset::AD102,
    boot_0: 0x1920_00a1,
    boot_42: 0x192a_1000,
    pci_device: 0x2684,
    ..GA102
};

/// Every chip known.
pub const CHIPS: &[Chip] = &[GA102, AD102];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        register::Register,
        regs::{NV_PMC_BOOT_0, NV_PMC_BOOT_42},
    };

    #[test]
    fn each_row_agrees_with_itself() {
        for chip in CHIPS {
            let boot_0 = NV_PMC_BOOT_0::from_raw(chip.boot_0);
            let boot_42 = NV_PMC_BOOT_42::from_raw(chip.boot_42);
            assert!(boot_0.has_boot_42());
            assert_eq!(boot_42.chipset(), Some(chip.chipset));
            // The name's register and the older one say the same.
            assert_eq!(u32::from(chip.chipset.id()), chip.boot_0 >> 20);
            assert_eq!(boot_0.major_revision(), boot_42.major_revision());
            assert_eq!(boot_0.minor_revision(), boot_42.minor_revision());
            assert_eq!(chip.pci_revision, chip.boot_0 as u8);
        }
    }

    #[test]
    fn unknown_ids_are_not_guessed() {
        assert_eq!(Chipset::from_id(0x172), Some(Chipset::GA102));
        assert_eq!(Chipset::from_id(0x173), None);
        assert_eq!(Chipset::from_id(0xfff), None);
    }
}
