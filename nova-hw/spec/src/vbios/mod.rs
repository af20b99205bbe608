// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The VBIOS ROM: images one after the other, of which one has the tables (BIT) and one the
//! program FWSEC, and how FWSEC is told what to do.
//!
//! | module | holds |
//! |---|---|
//! | [`ifr`] | what may come before the first image |
//! | [`image`] | the images: ROM header, PCIR, NPDE |
//! | [`info`] | version and date, for people |
//! | [`bit`] | BIT, the table of tables, and its token for falcon data |
//! | [`pmu`] | the table of falcon programs |
//! | [`fwsec`] | FWSEC's descriptor, signatures and image |
//! | [`appif`] | FWSEC's command, in its DMEM |
//! | [`builder`] | making a ROM |
//!
//! Follows the PCI Firmware Specification 3.0 section 5, open-gpu-doc's BIOS-Information-Table
//! and Falcon-Security, and `kernel_gsp_vbios_tu102.c` of open-gpu-kernel-modules.

pub mod appif;
pub mod bit;
pub mod builder;
pub mod fwsec;
pub mod ifr;
pub mod image;
pub mod info;
pub mod pmu;

pub use appif::Command;
pub use builder::RomBuilder;
pub use fwsec::Fwsec;
pub use image::{CodeType, Image, Images};
pub use info::VbiosVersion;

use crate::{bytes::tail, error::FormatError};

/// Most bytes of a ROM: what [`PROM`](crate::regs::PROM) shows.
pub const MAX_ROM: usize = 1 << 20;

/// The images that a driver looks into.
#[derive(Clone, Copy, Debug)]
pub struct Vbios<'a> {
    /// The first PC-AT image, which has BIT.
    pub pci_at: Image<'a>,
    /// From the first FWSEC image to the end of the last image.
    expansion: &'a [u8],
}

impl<'a> Vbios<'a> {
    /// Walks the images of a ROM that starts with the first one.
    pub fn new(rom: &'a [u8]) -> Result<Self, FormatError> {
        let (mut pci_at, mut fwsec, mut end) = (None, None, 0);
        for image in Images::new(rom) {
            let image = image?;
            match image.code_type() {
                Some(CodeType::PciAt) if pci_at.is_none() => pci_at = Some(image),
                Some(CodeType::Fwsec) if fwsec.is_none() => fwsec = Some(image.offset),
                _ => {}
            }
            end = image.offset + image.bytes.len();
        }
        let fwsec = fwsec.ok_or(FormatError::Missing("FWSEC image in the VBIOS"))?;
        Ok(Self {
            pci_at: pci_at.ok_or(FormatError::Missing("PC-AT image in the VBIOS"))?,
            expansion: &rom[fwsec..end],
        })
    }

    /// Finds FWSEC: BIT's falcon data token leads to the table of programs, which leads to its
    /// descriptor.
    pub fn fwsec(&self) -> Result<Fwsec<'a>, FormatError> {
        let table = bit::falcon_data(self.pci_at.bytes)?;
        let table = pmu::PmuTable::new(self.expanded("falcon data", table)?)?;
        let data = table.find(pmu::APPID_FWSEC_PROD)?;
        Fwsec::new(self.expanded("FWSEC descriptor", data)?)
    }

    /// The bytes from a pointer on. Pointers past the PC-AT image go on in the FWSEC image,
    /// whatever lies between the two.
    fn expanded(&self, what: &'static str, pointer: u32) -> Result<&'a [u8], FormatError> {
        let offset = u64::from(pointer).checked_sub(self.pci_at.bytes.len() as u64);
        let expected = "past the PC-AT image";
        let offset = offset.ok_or(FormatError::value(what, pointer, expected))?;
        tail(self.expansion, what, offset)
    }
}
