// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The booters: signed programs for SEC2 that set WPR2 up and start GSP's RISC-V core
//! (`booter_load`), and undo that (`booter_unload`).
//!
//! GA102 and later start them at the first application's code. Signatures of one size
//! each follow each other; the fuse says which one the chip takes.

use alloc::vec::Vec;

use zerocopy::{little_endian::U32, IntoBytes};

use super::{
    nvfw::{Bin, BinHdr, HsHeaderV2, HsLoadHeaderV2, HsLoadHeaderV2App, HsMetaData},
    tlv::{Tag, Tlv, Writer},
};
use crate::{
    bytes::{slice, structure, u32_at},
    error::FormatError,
    falcon::{BromParams, Load},
};

/// What both mailboxes hold when `booter_unload` starts: no address of metadata.
pub const UNLOAD_MAILBOX: u32 = 0xff;

/// A part of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its first byte.
    pub offset: u32,
    /// Its bytes.
    pub size: u32,
}

/// A booter. [`Booter::check`] has been passed by one that was read from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booter<'a> {
    /// The image, in which the signature's place is not filled yet.
    pub image: &'a [u8],
    /// Code that needs no signature.
    pub os_code: Part,
    /// Data: what is loaded into DMEM.
    pub os_data: Part,
    /// Signed code: what is loaded into IMEM.
    pub app0: Part,
    /// Where the signature goes in the image.
    pub patch_loc: u32,
    /// Version that the fuse is compared with.
    pub fuse_ver: u32,
    /// Mask of the engines that may run the image: bit 0 is SEC2.
    pub engine_id: u16,
    /// Id of the program, from 1: chooses the fuse.
    pub ucode_id: u8,
    /// All signatures.
    pub signatures: &'a [u8],
    /// How many there are.
    pub num_sig: u32,
}

impl<'a> Booter<'a> {
    /// Reads a container.
    pub fn from_nvfw(file: &'a [u8]) -> Result<Self, FormatError> {
        let bin = Bin::new(file)?;
        let hs: &HsHeaderV2 = structure(file, "nvfw_hs_header_v2", bin.header.header_offset)?;
        let meta: &HsMetaData = structure(file, "meta data", hs.meta_data_offset)?;
        let load: &HsLoadHeaderV2 = structure(file, "load header", hs.header_offset)?;
        if load.num_apps.get() == 0 {
            return Err(FormatError::value("num_apps", 0u64, "at least 1"));
        }
        let apps = u64::from(hs.header_offset) + size_of::<HsLoadHeaderV2>() as u64;
        let app: &HsLoadHeaderV2App = structure(file, "load header's application", apps)?;
        let patch_sig = u32_at(file, "patch_sig", hs.patch_sig)?;
        let prod = slice(file, "signatures", hs.sig_prod_offset, hs.sig_prod_size)?;
        let booter = Self {
            image: bin.data,
            os_code: part(load.os_code_offset, load.os_code_size),
            os_data: part(load.os_data_offset, load.os_data_size),
            app0: part(app.offset, app.size),
            patch_loc: u32_at(file, "patch_loc", hs.patch_loc)?,
            fuse_ver: meta.fuse_ver.get(),
            engine_id: narrow("engine_id", meta.engine_id.get())?,
            ucode_id: narrow("ucode_id", meta.ucode_id.get())?,
            signatures: crate::bytes::tail(prod, "first signature (patch_sig)", patch_sig)?,
            num_sig: u32_at(file, "num_sig", hs.num_sig)?,
        };
        booter.check()?;
        Ok(booter)
    }

    /// Reads a TLV file.
    pub fn from_tlv(tlv: &Tlv<'a>) -> Result<Self, FormatError> {
        let part = |offset, size| -> Result<Part, FormatError> {
            Ok(Part {
                offset: tlv.u32(offset)?,
                size: tlv.u32(size)?,
            })
        };
        let booter = Self {
            image: tlv.bytes(Tag::BLOB)?,
            os_code: part(Tag::CDOF, Tag::CDSZ)?,
            os_data: part(Tag::DAOF, Tag::DASZ)?,
            app0: part(Tag::A0CO, Tag::A0CS)?,
            patch_loc: tlv.u32(Tag::PLOC)?,
            fuse_ver: tlv.u32(Tag::FUSE)?,
            engine_id: narrow("ENID", tlv.u32(Tag::ENID)?)?,
            ucode_id: narrow("UCID", tlv.u32(Tag::UCID)?)?,
            signatures: tlv.bytes(Tag::SIGN)?,
            num_sig: tlv.u32(Tag::NSIG)?,
        };
        booter.check()?;
        Ok(booter)
    }

    /// Checks that the parts are inside the image and the signature is inside the data.
    pub fn check(&self) -> Result<(), FormatError> {
        slice(
            self.image,
            "booter's os_code",
            self.os_code.offset,
            self.os_code.size,
        )?;
        slice(
            self.image,
            "booter's os_data",
            self.os_data.offset,
            self.os_data.size,
        )?;
        slice(
            self.image,
            "booter's app0",
            self.app0.offset,
            self.app0.size,
        )?;
        let signature = self.signature_size()?;
        let within = self.pkc_data_offset()?;
        if u64::from(within) + u64::from(signature) > u64::from(self.os_data.size) {
            let expected = "such that the signature is inside the data";
            return Err(FormatError::value("patch_loc", self.patch_loc, expected));
        }
        Ok(())
    }

    /// Bytes of one signature.
    pub fn signature_size(&self) -> Result<u32, FormatError> {
        let len = self.signatures.len() as u64;
        let count = u64::from(self.num_sig);
        if count == 0 || len == 0 || len % count != 0 {
            let expected = "a divisor of the signatures' size";
            return Err(FormatError::value("num_sig", count, expected));
        }
        u32::try_from(len / count)
            .map_err(|_| FormatError::value("size of the signatures", len, "below 4 GiB"))
    }

    /// The signature's offset in DMEM, which the boot ROM is told.
    pub fn pkc_data_offset(&self) -> Result<u32, FormatError> {
        let offset = self.patch_loc.checked_sub(self.os_data.offset);
        let expected = "at least the data's offset";
        offset.ok_or(FormatError::value("patch_loc", self.patch_loc, expected))
    }

    /// The signature for a chip whose fuse says `fuse`: the last one for 0, otherwise as many
    /// past the first as the image is newer.
    pub fn signature(&self, fuse: u8) -> Result<&'a [u8], FormatError> {
        let size = u64::from(self.signature_size()?);
        let index = match u32::from(fuse) {
            0 => Some(self.num_sig - 1),
            fuse => self.fuse_ver.checked_sub(fuse),
        };
        let index = index.filter(|&index| index < self.num_sig);
        let expected = "a version that the booter has a signature for";
        let index = index.ok_or(FormatError::value("fuse version", fuse, expected))?;
        slice(self.signatures, "signature", u64::from(index) * size, size)
    }

    /// What of the image is loaded into IMEM, on GA102 and later.
    pub fn imem_load(&self) -> Load {
        Load {
            source: self.app0.offset,
            target: 0,
            len: self.app0.size,
        }
    }

    /// What of the image is loaded into DMEM.
    pub fn dmem_load(&self) -> Load {
        Load {
            source: self.os_data.offset,
            target: 0,
            len: self.os_data.size,
        }
    }

    /// Where execution starts, on GA102 and later.
    pub fn boot_vector(&self) -> u32 {
        self.app0.offset
    }

    /// What the boot ROM is told.
    pub fn brom_params(&self) -> Result<BromParams, FormatError> {
        Ok(BromParams {
            pkc_data_offset: self.pkc_data_offset()?,
            engine_id_mask: self.engine_id,
            ucode_id: self.ucode_id,
        })
    }

    /// The image to load, with the signature for a chip whose fuse says `fuse`.
    pub fn signed_image(&self, fuse: u8) -> Result<Vec<u8>, FormatError> {
        let mut image = self.image.to_vec();
        let signature = self.signature(fuse)?;
        let at = self.patch_loc as usize;
        // A booter that was checked has the room.
        match image
            .get_mut(at..)
            .and_then(|rest| rest.get_mut(..signature.len()))
        {
            Some(place) => place.copy_from_slice(signature),
            None => {
                let expected = "inside the image";
                return Err(FormatError::value("patch_loc", self.patch_loc, expected));
            }
        }
        Ok(image)
    }

    /// Writes a container.
    pub fn to_nvfw(&self) -> Result<Vec<u8>, FormatError> {
        let hs = BinHdr::SIZE;
        let words = hs + size_of::<HsHeaderV2>() as u32;
        let meta = words + 12;
        let load = meta + size_of::<HsMetaData>() as u32;
        let load_size = (size_of::<HsLoadHeaderV2>() + size_of::<HsLoadHeaderV2App>()) as u32;
        let signatures = load + load_size;
        let signatures_size = len32("signatures", self.signatures)?;
        let too_long = FormatError::value("booter's size", self.image.len() as u64, "below 4 GiB");
        let data = signatures.checked_add(signatures_size).ok_or(too_long)?;
        let data_size = len32("booter's image", self.image)?;
        let size = data.checked_add(data_size).ok_or(too_long)?;
        let mut file = Vec::with_capacity(size as usize);
        let put = |file: &mut Vec<u8>, values: &[u32]| {
            for value in values {
                file.extend_from_slice(&value.to_le_bytes());
            }
        };
        put(
            &mut file,
            &[BinHdr::MAGIC, BinHdr::VERSION, size, hs, data, data_size],
        );
        let header = HsHeaderV2 {
            sig_prod_offset: U32::new(signatures),
            sig_prod_size: U32::new(signatures_size),
            patch_loc: U32::new(words),
            patch_sig: U32::new(words + 4),
            meta_data_offset: U32::new(meta),
            meta_data_size: U32::new(size_of::<HsMetaData>() as u32),
            num_sig: U32::new(words + 8),
            header_offset: U32::new(load),
            header_size: U32::new(load_size),
        };
        file.extend_from_slice(header.as_bytes());
        put(&mut file, &[self.patch_loc, 0, self.num_sig]);
        put(
            &mut file,
            &[self.fuse_ver, self.engine_id.into(), self.ucode_id.into()],
        );
        let Self {
            os_code,
            os_data,
            app0,
            ..
        } = self;
        let parts = [os_code.offset, os_code.size, os_data.offset, os_data.size];
        put(&mut file, &parts);
        put(&mut file, &[1, app0.offset, app0.size, 0, 0]);
        file.extend_from_slice(self.signatures);
        file.extend_from_slice(self.image);
        Ok(file)
    }

    /// Writes a TLV file.
    pub fn to_tlv(&self, version: &str) -> Result<Vec<u8>, FormatError> {
        Writer::new(version)
            .u32(Tag::DAOF, self.os_data.offset)
            .u32(Tag::DASZ, self.os_data.size)
            .u32(Tag::CDOF, self.os_code.offset)
            .u32(Tag::CDSZ, self.os_code.size)
            .u32(Tag::PLOC, self.patch_loc)
            .u32(Tag::FUSE, self.fuse_ver)
            .u32(Tag::ENID, self.engine_id.into())
            .u32(Tag::UCID, self.ucode_id.into())
            .u32(Tag::A0CO, self.app0.offset)
            .u32(Tag::A0CS, self.app0.size)
            .u32(Tag::NSIG, self.num_sig)
            .bytes(Tag::SIGN, self.signatures)
            .bytes(Tag::BLOB, self.image)
            .finish()
    }
}

fn part(offset: U32, size: U32) -> Part {
    Part {
        offset: offset.get(),
        size: size.get(),
    }
}

fn narrow<T: TryFrom<u32>>(field: &'static str, value: u32) -> Result<T, FormatError> {
    T::try_from(value).map_err(|_| FormatError::value(field, value, "narrower"))
}

fn len32(what: &'static str, bytes: &[u8]) -> Result<u32, FormatError> {
    u32::try_from(bytes.len())
        .map_err(|_| FormatError::value(what, bytes.len() as u64, "below 4 GiB"))
}
