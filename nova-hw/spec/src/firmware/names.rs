// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What firmware files are called, and which versions of GSP's firmware are known.
//!
//! Distributions name them as NVIDIA's release does, with the version
//! (`nvidia/ga102/gsp/gsp-570.144.bin`); nova-core of Linux 7.3 asks for TLV files without it
//! (`nvidia/ga102/gsp/gsp.tlv`).

use alloc::{format, string::String};

use crate::chip::Chipset;

/// The version whose structures this crate has.
pub const VERSION: &str = "570.144";

/// Versions that exist in the same folder and have other structures.
pub const OTHER_VERSIONS: &[&str] = &["535.113.01"];

/// Debian's package that has the files.
pub const DEBIAN_PACKAGE: &str = "firmware-nvidia-graphics";

/// The file with GSP-RM's image that `gsp.tlv` names.
pub const GSP_IMAGE: &str = "gsp.bin";

/// A file that booting a chip with booters needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirmwareFile {
    /// GSP-RM.
    Gsp,
    /// GSP's RISC-V bootloader.
    Bootloader,
    /// The booter that loads.
    BooterLoad,
    /// The booter that unloads.
    BooterUnload,
}

impl FirmwareFile {
    /// Every file.
    pub const ALL: [Self; 4] = [
        Self::Gsp,
        Self::Bootloader,
        Self::BooterLoad,
        Self::BooterUnload,
    ];

    /// NVIDIA's name, without version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gsp => "gsp",
            Self::Bootloader => "bootloader",
            Self::BooterLoad => "booter_load",
            Self::BooterUnload => "booter_unload",
        }
    }

    /// The name in a distribution, of `version`.
    pub fn file_name(self, version: &str) -> String {
        format!("{}-{version}.bin", self.name())
    }

    /// The name that nova-core asks for.
    pub const fn tlv_name(self) -> &'static str {
        match self {
            Self::Gsp => "gsp.tlv",
            Self::Bootloader => "gsp_bootloader.tlv",
            Self::BooterLoad => "booter_load.tlv",
            Self::BooterUnload => "booter_unload.tlv",
        }
    }
}

impl Chipset {
    /// The folder of this chip's files, below a firmware folder.
    pub const fn firmware_folder(self) -> &'static str {
        match self {
            Self::GA102 => "nvidia/ga102/gsp",
            Self::AD102 => "nvidia/ad102/gsp",
        }
    }

    /// The section of GSP-RM's ELF file that has the signatures for this chip.
    pub const fn signature_section(self) -> &'static str {
        match self {
            Self::GA102 => ".fwsignature_ga10x",
            Self::AD102 => ".fwsignature_ad10x",
        }
    }
}
