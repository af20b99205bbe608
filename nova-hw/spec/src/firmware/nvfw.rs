// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! NVIDIA's firmware container: `nvfw_bin_hdr`, a header of the image's kind, the image.
//! For signed images the header is `nvfw_hs_header_v2`, which leads to the load header.
//! Follows nouveau's `nvfw/fw.h` and `nvfw/hs.h`. All offsets count from the file's start,
//! except those of the load header, which count from the image's.

use zerocopy::{little_endian::U32, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{
    bytes::{slice, structure},
    error::FormatError,
};

/// `nvfw_bin_hdr`: the first 24 bytes of a file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BinHdr {
    /// [`BinHdr::MAGIC`].
    pub bin_magic: U32,
    /// [`BinHdr::VERSION`].
    pub bin_ver: U32,
    /// Bytes of the file, in NVIDIA's files rounded up past its end: not checked.
    pub bin_size: U32,
    /// Where the header of the image's kind is.
    pub header_offset: U32,
    /// Where the image is.
    pub data_offset: U32,
    /// Bytes of the image.
    pub data_size: U32,
}

impl BinHdr {
    /// NVIDIA's vendor id.
    pub const MAGIC: u32 = 0x10de;
    /// The one version.
    pub const VERSION: u32 = 1;
    /// Bytes.
    pub const SIZE: u32 = 24;
}

/// A file whose first header is in order and whose image is inside of it.
#[derive(Clone, Copy, Debug)]
pub struct Bin<'a> {
    /// The file.
    pub file: &'a [u8],
    /// Its first header.
    pub header: &'a BinHdr,
    /// The image.
    pub data: &'a [u8],
}

impl<'a> Bin<'a> {
    /// Checks a file's first header.
    pub fn new(file: &'a [u8]) -> Result<Self, FormatError> {
        let header: &BinHdr = structure(file, "nvfw_bin_hdr", 0u64)?;
        if header.bin_magic.get() != BinHdr::MAGIC {
            return Err(FormatError::value("bin_magic", header.bin_magic, "0x10de"));
        }
        if header.bin_ver.get() != BinHdr::VERSION {
            return Err(FormatError::value("bin_ver", header.bin_ver, "1"));
        }
        let data = slice(file, "firmware image", header.data_offset, header.data_size)?;
        Ok(Self { file, header, data })
    }
}

/// `nvfw_hs_header_v2`: how a signed image is signed.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct HsHeaderV2 {
    /// Where the signatures are.
    pub sig_prod_offset: U32,
    /// Bytes of all signatures.
    pub sig_prod_size: U32,
    /// Where a u32 is that says where the signature goes in the image.
    pub patch_loc: U32,
    /// Where a u32 is that says where among the signatures the first is.
    pub patch_sig: U32,
    /// Where [`HsMetaData`] is.
    pub meta_data_offset: U32,
    /// Bytes of it.
    pub meta_data_size: U32,
    /// Where a u32 is that says how many signatures there are.
    pub num_sig: U32,
    /// Where the load header is.
    pub header_offset: U32,
    /// Bytes of it, with its applications.
    pub header_size: U32,
}

/// What the boot ROM is told about a signed image.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct HsMetaData {
    /// Version that the fuses are compared with.
    pub fuse_ver: U32,
    /// Mask of the engines that may run the image.
    pub engine_id: U32,
    /// Id of the program.
    pub ucode_id: U32,
}

/// `nvfw_hs_load_header_v2`: the parts of a signed image.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct HsLoadHeaderV2 {
    /// Where the code that needs no signature is.
    pub os_code_offset: U32,
    /// Bytes of it.
    pub os_code_size: U32,
    /// Where the data is.
    pub os_data_offset: U32,
    /// Bytes of it.
    pub os_data_size: U32,
    /// How many [`HsLoadHeaderV2App`] follow.
    pub num_apps: U32,
}

/// An application: signed code, and its data.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct HsLoadHeaderV2App {
    /// Where its code is.
    pub offset: U32,
    /// Bytes of it.
    pub size: U32,
    /// Where its data is.
    pub data_offset: U32,
    /// Bytes of it.
    pub data_size: U32,
}

const _: () = {
    assert!(size_of::<BinHdr>() == BinHdr::SIZE as usize);
    assert!(size_of::<HsHeaderV2>() == 36);
    assert!(size_of::<HsMetaData>() == 12);
    assert!(size_of::<HsLoadHeaderV2>() == 20);
    assert!(size_of::<HsLoadHeaderV2App>() == 16);
};
