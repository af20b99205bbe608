// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! FWSEC, the signed program of the VBIOS that sets the write-protected region up (FRTS) and
//! ends it (SB). It runs on GSP's falcon. Descriptor, signatures, IMEM and DMEM follow each
//! other. Descriptor version 3, which GA10x and AD10x have.

use alloc::vec::Vec;

use zerocopy::{
    little_endian::{U16, U32},
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use super::appif::{self, Command};
use crate::{
    bytes::{slice, structure},
    error::FormatError,
    falcon::{BromParams, Load},
};

/// Bytes of a signature: RSA with 3072 bits.
pub const SIGNATURE_SIZE: usize = 384;

/// `FALCON_UCODE_DESC_V3`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FalconUcodeDescV3 {
    /// Bit 0: there is a version; 15:8 the version; 31:16 bytes of descriptor and signatures.
    pub hdr: U32,
    /// Bytes of the image.
    pub stored_size: U32,
    /// Where the signature goes in DMEM.
    pub pkc_data_offset: U32,
    /// Where the application interface is in DMEM.
    pub interface_offset: U32,
    /// Where the code is loaded in IMEM.
    pub imem_phys_base: U32,
    /// Bytes of the code.
    pub imem_load_size: U32,
    /// Virtual address of the code.
    pub imem_virt_base: U32,
    /// Where the data is loaded in DMEM.
    pub dmem_phys_base: U32,
    /// Bytes of the data.
    pub dmem_load_size: U32,
    /// Engines that may run it.
    pub engine_id_mask: U16,
    /// Id of the program, from 1.
    pub ucode_id: u8,
    /// Signatures that follow.
    pub signature_count: u8,
    /// Versions that there is a signature for, a bit each.
    pub signature_versions: U16,
    /// 0.
    pub reserved: U16,
}

/// Bytes of [`FalconUcodeDescV3`].
pub const DESC_SIZE: usize = size_of::<FalconUcodeDescV3>();
const _: () = assert!(DESC_SIZE == 44);

impl FalconUcodeDescV3 {
    /// The version that this is.
    pub const VERSION: u8 = 3;

    /// `hdr` of a descriptor with that many signatures.
    pub fn hdr_for(signature_count: u8) -> u32 {
        let size = DESC_SIZE + usize::from(signature_count) * SIGNATURE_SIZE;
        (size as u32) << 16 | u32::from(Self::VERSION) << 8 | 1
    }
}

/// FWSEC as the VBIOS has it: checked, not signed yet, without a command.
#[derive(Clone, Copy, Debug)]
pub struct Fwsec<'a> {
    /// Its descriptor.
    pub desc: &'a FalconUcodeDescV3,
    signatures: &'a [u8],
    ucode: &'a [u8],
}

impl<'a> Fwsec<'a> {
    /// Checks a descriptor that starts `bytes`, and what follows it.
    pub fn new(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let desc: &FalconUcodeDescV3 = structure(bytes, "FWSEC descriptor", 0u64)?;
        let hdr = desc.hdr.get();
        if hdr & 1 == 0 || hdr >> 8 & 0xff != u32::from(FalconUcodeDescV3::VERSION) {
            return Err(FormatError::value(
                "FWSEC descriptor hdr",
                hdr,
                "one of version 3",
            ));
        }
        let signatures = usize::from(desc.signature_count) * SIGNATURE_SIZE;
        let signatures = slice(
            bytes,
            "FWSEC signatures",
            DESC_SIZE as u64,
            signatures as u64,
        )?;
        if ((hdr >> 16) as usize) < DESC_SIZE + signatures.len() {
            let expected = "with the size of descriptor and signatures";
            return Err(FormatError::value("FWSEC descriptor hdr", hdr, expected));
        }
        let (imem, dmem) = (desc.imem_load_size.get(), desc.dmem_load_size.get());
        let size = u64::from(imem) + u64::from(dmem);
        let ucode = slice(bytes, "FWSEC image", hdr >> 16, size)?;
        let fwsec = Self {
            desc,
            signatures,
            ucode,
        };
        slice(
            fwsec.dmem(),
            "FWSEC's place for the signature",
            desc.pkc_data_offset,
            SIGNATURE_SIZE as u64,
        )?;
        appif::check(fwsec.dmem(), desc.interface_offset.get())?;
        Ok(fwsec)
    }

    /// The code.
    pub fn imem(&self) -> &'a [u8] {
        &self.ucode[..self.desc.imem_load_size.get() as usize]
    }

    /// The data.
    pub fn dmem(&self) -> &'a [u8] {
        &self.ucode[self.desc.imem_load_size.get() as usize..]
    }

    /// The signature for a chip whose fuse says `fuse`; none when the program has none at all.
    pub fn signature(&self, fuse: u8) -> Result<Option<&'a [u8]>, FormatError> {
        if self.desc.signature_count == 0 {
            return Ok(None);
        }
        let versions = u32::from(self.desc.signature_versions.get());
        let bit = 1u32.checked_shl(fuse.into()).unwrap_or(0);
        if versions & bit == 0 {
            let expected = "a version that FWSEC has a signature for";
            return Err(FormatError::value("fuse version", fuse, expected));
        }
        // Signatures are in the order of the versions.
        let index = (versions & (bit - 1)).count_ones() as usize;
        let offset = (index * SIGNATURE_SIZE) as u64;
        slice(
            self.signatures,
            "FWSEC signature",
            offset,
            SIGNATURE_SIZE as u64,
        )
        .map(Some)
    }

    /// The image to load: IMEM and then DMEM, with `command` and the signature for `fuse`.
    pub fn image(&self, command: Command, fuse: u8) -> Result<Vec<u8>, FormatError> {
        let mut image = self.ucode.to_vec();
        let dmem = &mut image[self.desc.imem_load_size.get() as usize..];
        appif::write_command(dmem, self.desc.interface_offset.get(), command)?;
        if let Some(signature) = self.signature(fuse)? {
            // Checked in `new`.
            let at = self.desc.pkc_data_offset.get() as usize;
            if let Some(place) = dmem.get_mut(at..at + SIGNATURE_SIZE) {
                place.copy_from_slice(signature);
            }
        }
        Ok(image)
    }

    /// What of [`image`](Self::image) is loaded into IMEM.
    pub fn imem_load(&self) -> Load {
        Load {
            source: 0,
            target: self.desc.imem_phys_base.get(),
            len: self.desc.imem_load_size.get(),
        }
    }

    /// What of [`image`](Self::image) is loaded into DMEM.
    pub fn dmem_load(&self) -> Load {
        Load {
            source: self.desc.imem_load_size.get(),
            target: self.desc.dmem_phys_base.get(),
            len: self.desc.dmem_load_size.get(),
        }
    }

    /// What the boot ROM is told.
    pub fn brom_params(&self) -> BromParams {
        BromParams {
            pkc_data_offset: self.desc.pkc_data_offset.get(),
            engine_id_mask: self.desc.engine_id_mask.get(),
            ucode_id: self.desc.ucode_id,
        }
    }
}
