// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Makes a ROM from the structures of this module, for the model and for tests. Its FWSEC is
//! filler: nothing executes it.

use alloc::{vec, vec::Vec};

use zerocopy::IntoBytes;

use super::{
    appif::{AppifHdrV1, AppifV1, DmemMapperV3, APPIF_ID_DMEMMAPPER, COMMAND_SIZE},
    bit::{BitHeader, BitToken, SIGNATURE, TOKEN_FALCON_DATA},
    fwsec::{FalconUcodeDescV3, DESC_SIZE, SIGNATURE_SIZE},
    ifr,
    image::{CodeType, Npde, Pcir, LAST_IMAGE, PCIR_POINTER, ROM_SIGNATURE, UNIT},
    info::{VbiosVersion, DATE_AT, TOKEN_INTERNAL_USE},
    pmu::{PmuTableEntry, PmuTableHeader, APPID_FWSEC_DBG, APPID_FWSEC_PROD},
    MAX_ROM,
};
use crate::{error::FormatError, pci::VENDOR_NVIDIA};

/// What may be chosen about a ROM. The default is the smallest: 2 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RomBuilder {
    /// Device id in each PCIR.
    pub device_id: u16,
    /// Version, which BIT has.
    pub version: VbiosVersion,
    /// Date, as `mm/dd/yy`.
    pub date: [u8; 8],
    /// Version of an IFR before the first image: 1, 2 or 3; `None` for no IFR.
    pub ifr: Option<u8>,
    /// Size of the PC-AT image in units of 512 bytes, at least 1.
    pub pci_at_units: u16,
    /// Size of an EFI image between the two others, in units of 512 bytes; 0 for none.
    pub efi_units: u16,
    /// Whether images have an NPDE, which then has the size and PCIR a wrong one.
    pub npde: bool,
    /// Bytes of FWSEC's code: a multiple of 256, at least 256.
    pub imem_size: u32,
    /// Bytes of FWSEC's data: a multiple of 256, at least 512.
    pub dmem_size: u32,
    /// Where FWSEC's code is loaded.
    pub imem_phys_base: u32,
    /// Where FWSEC's data is loaded.
    pub dmem_phys_base: u32,
    /// Where the application interface is in DMEM: a multiple of 4, at most
    /// [`max_interface_offset`](Self::max_interface_offset).
    pub interface_offset: u32,
    /// FWSEC's id, which chooses the fuse: 1 to 16.
    pub ucode_id: u8,
    /// Versions that there is a signature for, a bit each.
    pub signature_versions: u16,
}

impl Default for RomBuilder {
    fn default() -> Self {
        Self {
            device_id: 0x2204,
            version: VbiosVersion {
                number: [0x94, 2, 0, 0],
                oem: 0,
            },
            date: *b"01/01/26",
            ifr: None,
            pci_at_units: 1,
            efi_units: 0,
            npde: false,
            imem_size: 0x100,
            dmem_size: 0x200,
            imem_phys_base: 0,
            dmem_phys_base: 0,
            interface_offset: 0,
            ucode_id: 9,
            signature_versions: 1,
        }
    }
}

/// GSP in FWSEC's mask of engines.
pub const ENGINE_ID_GSP: u16 = 0x400;

/// Where the PC's firmware enters an image of its type.
const INIT_ENTRY: usize = 3;
/// A far return, in the PC's instructions.
const RETF: u8 = 0xcb;

const PCIR_AT: usize = 0x20;
const NPDE_AT: usize = 0x40;
/// Where BIT, or the table of programs, is in its image: past the NPDE.
const TABLES_AT: usize = 0x50;
const BIT_DATA_AT: usize = 0x70;
const VERSION_AT: usize = BIT_DATA_AT + 4;
const DESC_AT: usize = 0x70;
/// Mapper and command buffer, counted from the application interface.
const MAPPER_AT: u32 = 0x10;
const COMMAND_AT: u32 = MAPPER_AT + size_of::<DmemMapperV3>() as u32;
const SIGNATURE_AT: u32 = 0x80;
const _: () = assert!(COMMAND_AT + COMMAND_SIZE as u32 <= SIGNATURE_AT);

impl RomBuilder {
    /// Most that the application interface's offset may be.
    pub fn max_interface_offset(&self) -> u32 {
        self.dmem_size
            .saturating_sub(SIGNATURE_AT + SIGNATURE_SIZE as u32)
    }

    /// The ROM.
    pub fn build(&self) -> Result<Vec<u8>, FormatError> {
        self.check()?;
        let fwsec = self.fwsec()?;
        let mut rom = self.ifr()?;
        rom.extend(self.pci_at()?);
        if self.efi_units > 0 {
            rom.extend(self.image(CodeType::Efi, self.efi_units, false));
        }
        rom.extend(fwsec);
        if rom.len() > MAX_ROM {
            let expected = "1 MiB at most";
            return Err(FormatError::value(
                "size of the ROM",
                rom.len() as u64,
                expected,
            ));
        }
        Ok(rom)
    }

    /// Checks what was chosen, so that the rest is free of overflows.
    fn check(&self) -> Result<(), FormatError> {
        let size = |field, size: u32, min: u32| {
            let fits = (min..=MAX_ROM as u32).contains(&size) && size % 256 == 0;
            let expected = "a multiple of 256 that fits the ROM";
            fits.then_some(())
                .ok_or(FormatError::value(field, size, expected))
        };
        size("imem_size", self.imem_size, 0x100)?;
        size("dmem_size", self.dmem_size, 0x200)?;
        if self.interface_offset > self.max_interface_offset() || self.interface_offset % 4 != 0 {
            let expected = "a multiple of 4 that leaves room in DMEM";
            let offset = self.interface_offset;
            return Err(FormatError::value("interface_offset", offset, expected));
        }
        if self.pci_at_units == 0 || usize::from(self.pci_at_units) > MAX_ROM / UNIT {
            let units = self.pci_at_units;
            return Err(FormatError::value("pci_at_units", units, "at least 1"));
        }
        Ok(())
    }

    /// An image of which only the headers are filled.
    fn image(&self, code_type: CodeType, units: u16, last: bool) -> Vec<u8> {
        let mut image = vec![0; usize::from(units) * UNIT];
        let last_image = if last { LAST_IMAGE } else { 0 };
        image[..2].copy_from_slice(&ROM_SIGNATURE.to_le_bytes());
        image[PCIR_POINTER..PCIR_POINTER + 2].copy_from_slice(&(PCIR_AT as u16).to_le_bytes());
        let pcir = Pcir {
            signature: *b"PCIR",
            vendor_id: VENDOR_NVIDIA.into(),
            device_id: self.device_id.into(),
            device_list: 0.into(),
            length: (size_of::<Pcir>() as u16).into(),
            revision: 3,
            class_code: [0, 0, 3],
            // An NPDE wins: whoever does not look at it sees one unit, and more images.
            image_len: if self.npde { 1 } else { units }.into(),
            rom_revision: 0.into(),
            code_type: code_type as u8,
            last_image: if self.npde { 0 } else { last_image },
            max_runtime_len: 0.into(),
        };
        put(&mut image, PCIR_AT, pcir.as_bytes());
        if self.npde {
            let npde = Npde {
                signature: *b"NPDE",
                revision: 0x101.into(),
                length: (size_of::<Npde>() as u16).into(),
                subimage_len: units.into(),
                last_image,
            };
            put(&mut image, NPDE_AT, npde.as_bytes());
        }
        image
    }

    fn pci_at(&self) -> Result<Vec<u8>, FormatError> {
        let mut image = self.image(CodeType::PciAt, self.pci_at_units, false);
        image[2] = self.pci_at_units.min(0xff) as u8;
        // The PC's firmware calls this; there is nothing to initialise.
        image[INIT_ENTRY] = RETF;
        let mut bit = BitHeader {
            signature: SIGNATURE,
            bcd_version: 0x100.into(),
            header_size: size_of::<BitHeader>() as u8,
            token_size: size_of::<BitToken>() as u8,
            token_entries: 2,
            checksum: 0,
        };
        bit.checksum = complement(bit.as_bytes());
        let token = |id, size: u16, offset: usize| BitToken {
            id,
            data_version: 2,
            data_size: size.into(),
            data_offset: (offset as u16).into(),
        };
        let tokens = [
            token(TOKEN_INTERNAL_USE, 5, VERSION_AT),
            token(TOKEN_FALCON_DATA, 4, BIT_DATA_AT),
        ];
        // Pointers past this image go on in the FWSEC image.
        let table = (image.len() + TABLES_AT) as u32;
        put(&mut image, TABLES_AT, bit.as_bytes());
        put(
            &mut image,
            TABLES_AT + size_of::<BitHeader>(),
            tokens.as_bytes(),
        );
        put(&mut image, BIT_DATA_AT, &table.to_le_bytes());
        put(&mut image, VERSION_AT, &self.version.to_bytes());
        put(&mut image, DATE_AT, &self.date);
        let last = image.len() - 1;
        image[last] = complement(&image);
        Ok(image)
    }

    fn fwsec(&self) -> Result<Vec<u8>, FormatError> {
        let base = u32::from(self.pci_at_units) * UNIT as u32;
        let count = self.signature_versions.count_ones() as u8;
        let ucode = DESC_AT + DESC_SIZE + usize::from(count) * SIGNATURE_SIZE;
        let len = ucode + self.imem_size as usize + self.dmem_size as usize;
        let units = len.div_ceil(UNIT);
        let too_big = FormatError::value("units of the FWSEC image", units as u64, "16 bits");
        let units = u16::try_from(units).map_err(|_| too_big)?;
        let mut image = self.image(CodeType::Fwsec, units, true);
        let table = PmuTableHeader {
            version: 1,
            header_len: size_of::<PmuTableHeader>() as u8,
            entry_len: size_of::<PmuTableEntry>() as u8,
            entry_count: 2,
        };
        let entry = |application_id, data: u32| PmuTableEntry {
            application_id,
            target_id: 0,
            data: data.into(),
        };
        let desc = base + DESC_AT as u32;
        put(&mut image, TABLES_AT, table.as_bytes());
        // The debug program's pointer is never followed.
        let entries = [
            entry(APPID_FWSEC_DBG, u32::MAX),
            entry(APPID_FWSEC_PROD, desc),
        ];
        put(
            &mut image,
            TABLES_AT + size_of::<PmuTableHeader>(),
            entries.as_bytes(),
        );
        put(&mut image, DESC_AT, self.descriptor(count).as_bytes());
        let signatures = &mut image[DESC_AT + DESC_SIZE..ucode];
        for (index, signature) in signatures.chunks_mut(SIGNATURE_SIZE).enumerate() {
            signature.fill(0xa0 + index as u8);
        }
        let (imem, dmem) = image[ucode..len].split_at_mut(self.imem_size as usize);
        imem.fill(0xf4);
        self.fill_dmem(dmem);
        Ok(image)
    }

    fn descriptor(&self, signature_count: u8) -> FalconUcodeDescV3 {
        FalconUcodeDescV3 {
            hdr: FalconUcodeDescV3::hdr_for(signature_count).into(),
            stored_size: (self.imem_size + self.dmem_size).into(),
            pkc_data_offset: (self.interface_offset + SIGNATURE_AT).into(),
            interface_offset: self.interface_offset.into(),
            imem_phys_base: self.imem_phys_base.into(),
            imem_load_size: self.imem_size.into(),
            imem_virt_base: 0.into(),
            dmem_phys_base: self.dmem_phys_base.into(),
            dmem_load_size: self.dmem_size.into(),
            engine_id_mask: ENGINE_ID_GSP.into(),
            ucode_id: self.ucode_id,
            signature_count,
            signature_versions: self.signature_versions.into(),
            reserved: 0.into(),
        }
    }

    fn fill_dmem(&self, dmem: &mut [u8]) {
        let at = self.interface_offset;
        let header = AppifHdrV1 {
            version: 1,
            header_size: size_of::<AppifHdrV1>() as u8,
            entry_size: size_of::<AppifV1>() as u8,
            entry_count: 1,
        };
        let entry = AppifV1 {
            id: APPIF_ID_DMEMMAPPER.into(),
            dmem_base: (at + MAPPER_AT).into(),
        };
        let mut mapper: DmemMapperV3 = zerocopy::FromZeros::new_zeroed();
        mapper.signature = *b"DMAP";
        mapper.version = 3.into();
        mapper.size = (size_of::<DmemMapperV3>() as u16).into();
        mapper.cmd_in_buffer_offset = (at + COMMAND_AT).into();
        mapper.cmd_in_buffer_size = (COMMAND_SIZE as u32).into();
        put(dmem, at as usize, header.as_bytes());
        put(
            dmem,
            at as usize + size_of::<AppifHdrV1>(),
            entry.as_bytes(),
        );
        put(dmem, (at + MAPPER_AT) as usize, mapper.as_bytes());
    }

    /// What comes before the first image: one unit, or nothing.
    fn ifr(&self) -> Result<Vec<u8>, FormatError> {
        // Fixed data of 0x20 bytes; what leads on is in the dwords after it.
        const FIXED: u32 = 0x20;
        let mut words = vec![ifr::SIGNATURE, 0, 0];
        let size = match self.ifr {
            None => return Ok(Vec::new()),
            Some(version @ (1 | 2)) => {
                words[1] = FIXED << 16 | u32::from(version) << 8;
                words.resize(FIXED as usize / 4 + 1, 0);
                words.push(UNIT as u32);
                UNIT
            }
            Some(3) => {
                words[1] = FIXED << 16 | 3 << 8;
                words[2] = FIXED;
                words.resize(FIXED as usize / 4, 0);
                // The flash status is at 0x100, the directory a page later.
                words.push(0x100);
                let directory = 0x100 + ifr::FLASH_STATUS_SIZE;
                words.resize(directory as usize / 4, 0);
                let first = (directory as usize).next_multiple_of(UNIT);
                words.extend([ifr::DIRECTORY, 0, first as u32]);
                first
            }
            Some(version) => {
                return Err(FormatError::value("IFR version", version, "1, 2 or 3"));
            }
        };
        words.resize(size / 4, 0);
        Ok(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}

/// Copies into an image that is known to be large enough.
fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The byte that makes a sum 0.
fn complement(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |sum: u8, &byte| sum.wrapping_sub(byte))
}
