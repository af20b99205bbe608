// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The files of one chip together: a synthetic set named as a distribution's, which has no
//! byte of NVIDIA's, and the conversion of either to the TLV files of nova-core.
//!
//! A synthetic set serves wherever nothing executes the images: the model, tests, nova-core on
//! the model.

use alloc::{string::String, vec, vec::Vec};

use super::{
    booter::{Booter, Part},
    bootloader::Bootloader,
    gsp::GspFirmware,
    names::{FirmwareFile, GSP_IMAGE, VERSION},
};
use crate::{chip::Chipset, error::FormatError};

/// A file: its name, without folder, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The name.
    pub name: String,
    /// The content.
    pub content: Vec<u8>,
}

/// Sizes that a synthetic set may have; the defaults are small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synthetic {
    /// Bytes of GSP-RM's image.
    pub gsp_image: u32,
    /// Bytes of the bootloader's image, at least 0x1000.
    pub bootloader_image: u32,
    /// Bytes of the booters' signed code, a multiple of 256.
    pub booter_code: u32,
    /// Bytes of the booters' data, at least the signature's 384.
    pub booter_data: u32,
    /// Signatures in each booter, at least 1.
    pub num_sig: u32,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self {
            gsp_image: 0x3000,
            bootloader_image: 0x1000,
            booter_code: 0x300,
            booter_data: 0x400,
            num_sig: 2,
        }
    }
}

/// Bytes of an RSA signature of 3072 bits.
pub const SIGNATURE_SIZE: usize = 384;

impl Synthetic {
    /// The four files of `chipset`, named as a distribution's.
    pub fn files(&self, chipset: Chipset) -> Result<Vec<NamedFile>, FormatError> {
        let mut files = Vec::new();
        for file in FirmwareFile::ALL {
            let name = file.file_name(VERSION);
            let content = self.file(file, chipset)?;
            files.push(NamedFile { name, content });
        }
        Ok(files)
    }

    /// One file of `chipset`.
    pub fn file(&self, file: FirmwareFile, chipset: Chipset) -> Result<Vec<u8>, FormatError> {
        match file {
            FirmwareFile::Gsp => Ok(GspFirmware {
                version: VERSION,
                image: &pattern(self.gsp_image as usize, 0x47),
                signatures: &pattern(0x1000, 0x53),
            }
            .to_elf(chipset)),
            FirmwareFile::Bootloader => {
                let bootloader = Bootloader {
                    image: &pattern(self.bootloader_image as usize, 0x42),
                    manifest_offset: 0,
                    data_offset: 0x800,
                    code_offset: 0xc00,
                    app_version: 0,
                };
                bootloader.check()?;
                bootloader.to_nvfw()
            }
            FirmwareFile::BooterLoad => self.booter(3, 0x4c),
            FirmwareFile::BooterUnload => self.booter(3, 0x55),
        }
    }

    fn booter(&self, ucode_id: u8, seed: u8) -> Result<Vec<u8>, FormatError> {
        let too_big = FormatError::value("booter_code", self.booter_code, "below 4 GiB");
        let os_code = Part {
            offset: 0,
            size: 0x100,
        };
        let app0 = Part {
            offset: os_code.size,
            size: self.booter_code,
        };
        let os_data = Part {
            offset: app0.offset.checked_add(app0.size).ok_or(too_big)?,
            size: self.booter_data,
        };
        let size = os_data.offset.checked_add(os_data.size).ok_or(too_big)?;
        let signatures = pattern(SIGNATURE_SIZE * self.num_sig as usize, !seed);
        let booter = Booter {
            image: &pattern(size as usize, seed),
            os_code,
            os_data,
            app0,
            patch_loc: os_data.offset + 0x10,
            fuse_ver: 1,
            engine_id: 1,
            ucode_id,
            signatures: &signatures,
            num_sig: self.num_sig,
        };
        booter.check()?;
        booter.to_nvfw()
    }
}

/// Bytes that are the same each time and differ from place to place.
fn pattern(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; len];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = seed ^ (at as u8) ^ ((at >> 8) as u8).rotate_left(3);
    }
    bytes
}

/// Makes the TLV files, and the image beside them, from a distribution's files. `read` gives
/// the content of a file by its name, or its error.
pub fn convert_to_tlv<E: From<FormatError>>(
    chipset: Chipset,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<Vec<NamedFile>, E> {
    let mut files = Vec::new();
    for file in FirmwareFile::ALL {
        let content = read(&file.file_name(VERSION))?;
        let tlv = match file {
            FirmwareFile::Gsp => {
                let gsp = GspFirmware::from_elf(&content, chipset)?;
                files.push(NamedFile {
                    name: GSP_IMAGE.into(),
                    content: gsp.image.to_vec(),
                });
                gsp.to_tlv()?
            }
            FirmwareFile::Bootloader => Bootloader::from_nvfw(&content)?.to_tlv(VERSION)?,
            FirmwareFile::BooterLoad | FirmwareFile::BooterUnload => {
                Booter::from_nvfw(&content)?.to_tlv(VERSION)?
            }
        };
        files.push(NamedFile {
            name: file.tlv_name().into(),
            content: tlv,
        });
    }
    Ok(files)
}
