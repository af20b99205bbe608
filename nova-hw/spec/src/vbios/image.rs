// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The images of a ROM, each a whole number of 512-byte units.

use zerocopy::{little_endian::U16, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{
    bytes::{slice, structure, tail},
    error::FormatError,
};

/// Bytes of the unit in which sizes count.
pub const UNIT: usize = 512;
/// Bytes of an image that are enough to learn its size.
pub const HEAD: usize = 1024;
/// Where an image's first two bytes are.
pub const ROM_SIGNATURE: u16 = 0xaa55;
/// What NVIDIA's own images start with.
pub const ROM_SIGNATURE_NVIDIA: u16 = 0x4e56;
/// Where an image says where its PCIR is.
pub const PCIR_POINTER: usize = 0x18;
/// The last image, in `last_image` of PCIR and NPDE.
pub const LAST_IMAGE: u8 = 0x80;

/// What an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CodeType {
    /// The PC's BIOS.
    PciAt = 0x00,
    /// UEFI.
    Efi = 0x03,
    /// NVIDIA's board data.
    Nbsi = 0x70,
    /// Falcon programs.
    Fwsec = 0xe0,
}

impl CodeType {
    /// The type, when it is one that this crate knows.
    pub fn from_raw(raw: u8) -> Option<Self> {
        let all = [Self::PciAt, Self::Efi, Self::Nbsi, Self::Fwsec];
        all.into_iter().find(|&code_type| code_type as u8 == raw)
    }
}

/// PCIR, the PCI data structure.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Pcir {
    /// `PCIR`, or NVIDIA's `NPDS`.
    pub signature: [u8; 4],
    /// Vendor id.
    pub vendor_id: U16,
    /// Device id.
    pub device_id: U16,
    /// Where a list of further device ids is.
    pub device_list: U16,
    /// Bytes of this structure.
    pub length: U16,
    /// Revision of this structure.
    pub revision: u8,
    /// Class code, the programming interface first.
    pub class_code: [u8; 3],
    /// Size of the image in units of 512 bytes.
    pub image_len: U16,
    /// Revision of the image.
    pub rom_revision: U16,
    /// What the image is for: a [`CodeType`].
    pub code_type: u8,
    /// Bit 7: it is the last.
    pub last_image: u8,
    /// Most units that the image has at run time.
    pub max_runtime_len: U16,
}

/// NPDE, NVIDIA's extension of PCIR.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Npde {
    /// `NPDE`.
    pub signature: [u8; 4],
    /// Revision.
    pub revision: U16,
    /// Bytes of this structure.
    pub length: U16,
    /// Size of the image in units of 512 bytes; it wins over PCIR's.
    pub subimage_len: U16,
    /// Bit 7: it is the last.
    pub last_image: u8,
}

const _: () = assert!(size_of::<Pcir>() == 24 && size_of::<Npde>() == 11);

/// One image.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Where it is in the ROM.
    pub offset: usize,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its PCIR.
    pub pcir: &'a Pcir,
    /// Its NPDE.
    pub npde: Option<&'a Npde>,
}

impl Image<'_> {
    /// What it is for, when that is known.
    pub fn code_type(&self) -> Option<CodeType> {
        CodeType::from_raw(self.pcir.code_type)
    }

    /// Whether no image follows.
    pub fn is_last(&self) -> bool {
        Extent::of(self.pcir, self.npde).last
    }

    /// The sum of its bytes, which is 0 for a PC-AT image in order.
    pub fn checksum(&self) -> u8 {
        self.bytes
            .iter()
            .fold(0, |sum: u8, &byte| sum.wrapping_add(byte))
    }
}

/// How long an image is, and whether another follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Bytes: a multiple of [`UNIT`], never 0.
    pub size: usize,
    /// No image follows.
    pub last: bool,
}

impl Extent {
    /// Reads it from the first bytes of an image, [`HEAD`] or all that there are.
    pub fn of_head(head: &[u8]) -> Result<Self, FormatError> {
        let (pcir, npde) = headers(head)?;
        Ok(Self::of(pcir, npde))
    }

    fn of(pcir: &Pcir, npde: Option<&Npde>) -> Self {
        let units = npde.map_or(pcir.image_len, |npde| npde.subimage_len);
        let last = npde.map_or(pcir.last_image, |npde| npde.last_image) & LAST_IMAGE != 0;
        Self {
            size: usize::from(units.get()) * UNIT,
            // Nothing but board data's own images follows board data.
            last: last || CodeType::from_raw(pcir.code_type) == Some(CodeType::Nbsi),
        }
    }
}

fn headers(image: &[u8]) -> Result<(&Pcir, Option<&Npde>), FormatError> {
    let signature: &U16 = structure(image, "ROM signature", 0u64)?;
    if ![ROM_SIGNATURE, ROM_SIGNATURE_NVIDIA].contains(&signature.get()) {
        let expected = "0xaa55 or 0x4e56";
        return Err(FormatError::value(
            "ROM signature",
            signature.get(),
            expected,
        ));
    }
    let at: &U16 = structure(image, "PCIR pointer", PCIR_POINTER as u64)?;
    let pcir: &Pcir = structure(image, "PCIR", at.get())?;
    if ![*b"PCIR", *b"NPDS"].contains(&pcir.signature) {
        let value = u32::from_be_bytes(pcir.signature);
        return Err(FormatError::value(
            "PCIR signature",
            value,
            "\"PCIR\" or \"NPDS\"",
        ));
    }
    if pcir.image_len.get() == 0 {
        return Err(FormatError::value("PCIR image_len", 0u64, "at least 1"));
    }
    let after = (u64::from(at.get()) + u64::from(pcir.length.get())).next_multiple_of(16);
    let npde = structure::<Npde>(image, "NPDE", after).ok();
    let npde = npde.filter(|npde| npde.signature == *b"NPDE" && npde.subimage_len.get() != 0);
    Ok((pcir, npde))
}

/// The images in order, up to the last. An error is the end too.
#[derive(Clone, Debug)]
pub struct Images<'a> {
    rom: &'a [u8],
    next: Option<usize>,
}

impl<'a> Images<'a> {
    /// The images of a ROM that starts with the first one.
    pub fn new(rom: &'a [u8]) -> Self {
        Self { rom, next: Some(0) }
    }

    fn image_at(&self, offset: usize) -> Result<Image<'a>, FormatError> {
        let rest = tail(self.rom, "VBIOS image", offset as u64)?;
        // As a driver reads it: the size comes from the image's first bytes.
        let size = Extent::of_head(&rest[..rest.len().min(HEAD)])?.size;
        let bytes = slice(self.rom, "VBIOS image", offset as u64, size as u64)?;
        let (pcir, npde) = headers(&bytes[..size.min(HEAD)])?;
        Ok(Image {
            offset,
            bytes,
            pcir,
            npde,
        })
    }
}

impl<'a> Iterator for Images<'a> {
    type Item = Result<Image<'a>, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.next.take()?;
        let image = self.image_at(offset);
        if let Ok(image) = &image {
            // It ends inside the ROM, so this is no overflow.
            self.next = (!image.is_last()).then_some(offset + image.bytes.len());
        }
        Some(image)
    }
}
