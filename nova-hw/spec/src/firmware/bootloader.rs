// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP's RISC-V bootloader: the image that the booter starts, and that starts GSP-RM.
//! Follows `rmRiscvUcode.h` of open-gpu-kernel-modules.
#![allow(non_camel_case_types, non_snake_case)] // NVIDIA's names

use alloc::vec::Vec;

use zerocopy::{
    little_endian::U32, FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use super::{
    nvfw::{Bin, BinHdr},
    tlv::{Tag, Tlv, Writer},
};
use crate::{
    bytes::{structure, tail},
    error::FormatError,
};

/// `RM_RISCV_UCODE_DESC`: where the parts of a RISC-V image are in it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)] // NVIDIA's names; offsets and sizes in bytes
pub struct RM_RISCV_UCODE_DESC {
    pub version: U32,
    pub bootloaderOffset: U32,
    pub bootloaderSize: U32,
    pub bootloaderParamOffset: U32,
    pub bootloaderParamSize: U32,
    pub riscvElfOffset: U32,
    pub riscvElfSize: U32,
    /// Version of the application, which the driver leaves in the falcon's OS register.
    pub appVersion: U32,
    pub manifestOffset: U32,
    pub manifestSize: U32,
    pub monitorDataOffset: U32,
    pub monitorDataSize: U32,
    pub monitorCodeOffset: U32,
    pub monitorCodeSize: U32,
    pub bIsMonitorEnabled: U32,
    pub swbromCodeOffset: U32,
    pub swbromCodeSize: U32,
    pub swbromDataOffset: U32,
    pub swbromDataSize: U32,
    pub fbReservedSize: U32,
    pub bSignedAsCode: U32,
}

const _: () = assert!(size_of::<RM_RISCV_UCODE_DESC>() == 84);

/// The bootloader, and what the WPR metadata says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootloader<'a> {
    /// The image.
    pub image: &'a [u8],
    /// Offset of the monitor's code.
    pub code_offset: u32,
    /// Offset of the monitor's data.
    pub data_offset: u32,
    /// Offset of the manifest.
    pub manifest_offset: u32,
    /// Version of the application.
    pub app_version: u32,
}

impl<'a> Bootloader<'a> {
    /// Reads a container.
    pub fn from_nvfw(file: &'a [u8]) -> Result<Self, FormatError> {
        let bin = Bin::new(file)?;
        let desc: &RM_RISCV_UCODE_DESC =
            structure(file, "RM_RISCV_UCODE_DESC", bin.header.header_offset)?;
        let bootloader = Self {
            image: bin.data,
            code_offset: desc.monitorCodeOffset.get(),
            data_offset: desc.monitorDataOffset.get(),
            manifest_offset: desc.manifestOffset.get(),
            app_version: desc.appVersion.get(),
        };
        bootloader.check()?;
        Ok(bootloader)
    }

    /// Reads a TLV file.
    pub fn from_tlv(tlv: &Tlv<'a>) -> Result<Self, FormatError> {
        let bootloader = Self {
            image: tlv.bytes(Tag::BLOB)?,
            code_offset: tlv.u32(Tag::CDOF)?,
            data_offset: tlv.u32(Tag::DAOF)?,
            manifest_offset: tlv.u32(Tag::MFOF)?,
            app_version: tlv.u32(Tag::APPV)?,
        };
        bootloader.check()?;
        Ok(bootloader)
    }

    /// Checks that the parts start inside the image.
    pub fn check(&self) -> Result<(), FormatError> {
        tail(self.image, "bootloader's code", self.code_offset)?;
        tail(self.image, "bootloader's data", self.data_offset)?;
        tail(self.image, "bootloader's manifest", self.manifest_offset)?;
        Ok(())
    }

    /// Writes a container. Sizes of the parts, which no driver reads, are 0.
    pub fn to_nvfw(&self) -> Result<Vec<u8>, FormatError> {
        let data = BinHdr::SIZE + size_of::<RM_RISCV_UCODE_DESC>() as u32;
        let too_long =
            || FormatError::value("bootloader's size", self.image.len() as u64, "below 4 GiB");
        let data_size = u32::try_from(self.image.len()).map_err(|_| too_long())?;
        let header = BinHdr {
            bin_magic: BinHdr::MAGIC.into(),
            bin_ver: BinHdr::VERSION.into(),
            bin_size: data.checked_add(data_size).ok_or_else(too_long)?.into(),
            header_offset: BinHdr::SIZE.into(),
            data_offset: data.into(),
            data_size: data_size.into(),
        };
        let mut desc = RM_RISCV_UCODE_DESC::new_zeroed();
        desc.version = 5.into();
        desc.appVersion = self.app_version.into();
        desc.manifestOffset = self.manifest_offset.into();
        desc.monitorDataOffset = self.data_offset.into();
        desc.monitorCodeOffset = self.code_offset.into();
        Ok([header.as_bytes(), desc.as_bytes(), self.image].concat())
    }

    /// Writes a TLV file.
    pub fn to_tlv(&self, version: &str) -> Result<Vec<u8>, FormatError> {
        Writer::new(version)
            .u32(Tag::CDOF, self.code_offset)
            .u32(Tag::DAOF, self.data_offset)
            .u32(Tag::MFOF, self.manifest_offset)
            .u32(Tag::APPV, self.app_version)
            .bytes(Tag::BLOB, self.image)
            .finish()
    }
}
