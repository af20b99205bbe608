// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP-RM's file: an ELF file whose sections are the image, its version, and signatures for
//! each family of chips. The image is itself opaque.

use alloc::vec::Vec;

use super::{
    elf::{self, Elf, EM_RISCV},
    names::GSP_IMAGE,
    tlv::{Tag, Tlv, Writer},
};
use crate::{
    bytes::{printable, until_nul},
    chip::Chipset,
    error::FormatError,
};

/// Section of the image.
pub const FWIMAGE: &str = ".fwimage";
/// Section of the version, as text with a NUL.
pub const FWVERSION: &str = ".fwversion";

/// GSP-RM for one chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GspFirmware<'a> {
    /// Version, like `570.144`.
    pub version: &'a str,
    /// The image.
    pub image: &'a [u8],
    /// Signatures for the chip.
    pub signatures: &'a [u8],
}

impl<'a> GspFirmware<'a> {
    /// Reads an ELF file.
    pub fn from_elf(file: &'a [u8], chipset: Chipset) -> Result<Self, FormatError> {
        let elf = Elf::new(file)?;
        if elf.machine() != EM_RISCV {
            return Err(FormatError::value(
                "e_machine",
                elf.machine(),
                "243 (RISC-V)",
            ));
        }
        let firmware = Self {
            version: version_of(&elf)?,
            image: elf.section(FWIMAGE)?,
            signatures: elf.section(chipset.signature_section())?,
        };
        for (what, part) in [
            (FWIMAGE, firmware.image),
            (chipset.signature_section(), firmware.signatures),
        ] {
            if part.is_empty() {
                return Err(FormatError::value(what, 0u64, "at least one byte"));
            }
        }
        Ok(firmware)
    }

    /// Writes an ELF file.
    pub fn to_elf(&self, chipset: Chipset) -> Vec<u8> {
        let version = [self.version.as_bytes(), b"\0"].concat();
        elf::write(&[
            (FWIMAGE, self.image),
            (FWVERSION, &version),
            (chipset.signature_section(), self.signatures),
        ])
    }

    /// Writes the TLV file; the image is to be in the file [`GSP_IMAGE`] beside it.
    pub fn to_tlv(&self) -> Result<Vec<u8>, FormatError> {
        let len = self.image.len() as u64;
        let size = u32::try_from(len);
        let size = size.map_err(|_| FormatError::value(FWIMAGE, len, "below 4 GiB"))?;
        Writer::new(self.version)
            .u32(Tag::SIZE, size)
            .string(Tag::FILE, GSP_IMAGE)
            .bytes(Tag::SIGN, self.signatures)
            .finish()
    }
}

/// The version of an ELF file, whichever chips it is for.
pub fn version_of<'a>(elf: &Elf<'a>) -> Result<&'a str, FormatError> {
    printable(FWVERSION, until_nul(elf.section(FWVERSION)?))
}

/// What `gsp.tlv` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GspTlv<'a> {
    /// Version, like `570.144`.
    pub version: &'a str,
    /// Name of the image's file, in the same folder.
    pub file: &'a str,
    /// Bytes of the image.
    pub size: u32,
    /// Signatures for the chip.
    pub signatures: &'a [u8],
}

impl<'a> GspTlv<'a> {
    /// Reads the TLV file. The name is no path.
    pub fn from_tlv(tlv: &Tlv<'a>) -> Result<Self, FormatError> {
        let gsp = Self {
            version: tlv.string(Tag::VERS)?,
            file: tlv.string(Tag::FILE)?,
            size: tlv.u32(Tag::SIZE)?,
            signatures: tlv.bytes(Tag::SIGN)?,
        };
        if gsp.file.is_empty() || gsp.file.contains('/') || gsp.file.starts_with('.') {
            let len = gsp.file.len() as u64;
            return Err(FormatError::value(
                "length of FILE",
                len,
                "that of a plain name",
            ));
        }
        if gsp.size == 0 {
            return Err(FormatError::value("SIZE", 0u64, "at least 1"));
        }
        Ok(gsp)
    }
}
