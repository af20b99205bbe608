// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PMC, the master control unit: which chip this is. Follows `dev_boot.h`.

use core::fmt;

use arbitrary_int::{u4, u5, u6};
use bitbybit::bitfield;

use crate::{chip::Chipset, register::registers};

/// Identity as every NVIDIA GPU gives it.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PMC_BOOT_0 {
    /// Low bits of the architecture.
    #[bits(24..=28, rw)]
    architecture_0: u5,
    /// Chip within the architecture.
    #[bits(20..=23, rw)]
    implementation: u4,
    /// High bit of the architecture.
    #[bit(8, rw)]
    architecture_1: bool,
    /// Mask revision's letter, as a hexadecimal digit.
    #[bits(4..=7, rw)]
    major_revision: u4,
    /// Mask revision's digit.
    #[bits(0..=3, rw)]
    minor_revision: u4,
}

impl NV_PMC_BOOT_0 {
    /// Whether the chip has [`NV_PMC_BOOT_42`]: Fermi (architecture 0xc) and later do.
    pub fn has_boot_42(self) -> bool {
        self.architecture_1() || self.architecture_0().value() >= 0xc
    }
}

/// Byte order of the register file: 0 is little endian.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PMC_BOOT_1 {}

/// Identity with room for the chips since Fermi.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PMC_BOOT_42 {
    /// Architecture: 0x16 Turing, 0x17 Ampere, 0x19 Ada.
    #[bits(24..=29, rw)]
    architecture: u6,
    /// Chip within the architecture.
    #[bits(20..=23, rw)]
    implementation: u4,
    /// Mask revision's letter, as a hexadecimal digit.
    #[bits(16..=19, rw)]
    major_revision: u4,
    /// Mask revision's digit.
    #[bits(12..=15, rw)]
    minor_revision: u4,
}

impl NV_PMC_BOOT_42 {
    /// The number that names the chip: architecture and implementation, 0x172 for GA102.
    pub fn chip_id(self) -> u16 {
        u16::from(self.architecture().value()) << 4 | u16::from(self.implementation().value())
    }

    /// The chip, when it is one that this crate knows.
    pub fn chipset(self) -> Option<Chipset> {
        Chipset::from_id(self.chip_id())
    }

    /// The mask revision.
    pub fn revision(self) -> Revision {
        Revision {
            major: self.major_revision(),
            minor: self.minor_revision(),
        }
    }
}

/// A chip's mask revision, shown like `a1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The letter, as a hexadecimal digit.
    pub major: u4,
    /// The digit.
    pub minor: u4,
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}{:x}", self.major, self.minor)
    }
}

registers! {
    NV_PMC_BOOT_0 at 0x000000, read_only;
    NV_PMC_BOOT_1 at 0x000004, read_only;
    NV_PMC_BOOT_42 at 0x000a00, read_only;
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::register::Register;
    use std::string::ToString;

    #[test]
    fn boot_42_names_the_chip_and_its_revision() {
        let ga102 = NV_PMC_BOOT_42::from_raw(0x172a_1000);
        assert_eq!(ga102.architecture().value(), 0x17);
        assert_eq!(ga102.implementation().value(), 2);
        assert_eq!(ga102.chip_id(), 0x172);
        assert_eq!(ga102.chipset(), Some(Chipset::GA102));
        assert_eq!(ga102.revision().to_string(), "a1");

        let ad102 = NV_PMC_BOOT_42::from_raw(0x192a_1000);
        assert_eq!(ad102.chipset(), Some(Chipset::AD102));
        assert_eq!(NV_PMC_BOOT_42::from_raw(0x1620_0000).chipset(), None);
        // Bits outside the fields do not change the chip.
        assert_eq!(NV_PMC_BOOT_42::from_raw(0xd72a_1fff).chip_id(), 0x172);
    }

    #[test]
    fn boot_0_tells_whether_boot_42_exists() {
        assert!(NV_PMC_BOOT_0::from_raw(0x1720_00a1).has_boot_42());
        assert!(NV_PMC_BOOT_0::from_raw(0x0c00_0000).has_boot_42());
        assert!(NV_PMC_BOOT_0::from_raw(0x0000_0100).has_boot_42());
        assert!(!NV_PMC_BOOT_0::from_raw(0x0a80_00a2).has_boot_42());
    }
}
