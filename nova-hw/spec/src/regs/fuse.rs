// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! FUSE: what was burnt at the factory. Follows `dev_fuse.h` and `dev_fpf.h`.

use bitbybit::{bitenum, bitfield};

use crate::register::{plain, registers, Register};

/// Whether the chip has its display engine.
#[bitenum(u1, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
pub enum OPT_DISPLAY_DATA {
    /// It has.
    ENABLE = 0,
    /// It was fused off.
    DISABLE = 1,
}

/// The display engine's fuse. GA100 and later.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_FUSE_STATUS_OPT_DISPLAY {
    /// On or off.
    #[bit(0, rw)]
    data: OPT_DISPLAY_DATA,
}

impl NV_FUSE_STATUS_OPT_DISPLAY {
    /// Whether there is a display engine.
    pub fn has_display(self) -> bool {
        self.data() == OPT_DISPLAY_DATA::ENABLE
    }
}

plain! {
    /// Versions of the programs that run on NVDEC: register `i` is that of ucode id `i + 1`.
    NV_FUSE_OPT_FPF_NVDEC_UCODE_VERSION;
    /// Versions of the programs that run on SEC2: register `i` is that of ucode id `i + 1`.
    NV_FUSE_OPT_FPF_SEC2_UCODE_VERSION;
    /// Versions of the programs that run on GSP: register `i` is that of ucode id `i + 1`.
    NV_FUSE_OPT_FPF_GSP_UCODE_VERSION;
}

/// A register that says by its fuses (bits 15:0) which versions of a program are revoked.
pub trait UcodeVersion: Register {
    /// The lowest version that the chip still runs: the highest fuse that is burnt, counted
    /// from 1; 0 for none.
    fn version(self) -> u8 {
        (u16::BITS - (self.into_raw() as u16).leading_zeros()) as u8
    }
}

impl UcodeVersion for NV_FUSE_OPT_FPF_NVDEC_UCODE_VERSION {}
impl UcodeVersion for NV_FUSE_OPT_FPF_SEC2_UCODE_VERSION {}
impl UcodeVersion for NV_FUSE_OPT_FPF_GSP_UCODE_VERSION {}

registers! {
    NV_FUSE_STATUS_OPT_DISPLAY at 0x820c04, read_only;
    NV_FUSE_OPT_FPF_NVDEC_UCODE_VERSION at 0x824100 [16], read_only;
    NV_FUSE_OPT_FPF_SEC2_UCODE_VERSION at 0x824140 [16], read_only;
    NV_FUSE_OPT_FPF_GSP_UCODE_VERSION at 0x8241c0 [16], read_only;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::RegisterArray;

    #[test]
    fn a_version_is_the_highest_fuse() {
        let version = |raw| NV_FUSE_OPT_FPF_GSP_UCODE_VERSION::from_raw(raw).version();
        assert_eq!(version(0), 0);
        assert_eq!(version(1), 1);
        assert_eq!(version(0b11), 2);
        assert_eq!(version(0x8000), 16);
        assert_eq!(version(0xffff_0000), 0);
    }

    #[test]
    fn the_booters_fuse_is_the_third_of_sec2() {
        let booter = NV_FUSE_OPT_FPF_SEC2_UCODE_VERSION::at(3 - 1).unwrap();
        assert_eq!(booter.offset(), 0x82_4148);
    }
}
