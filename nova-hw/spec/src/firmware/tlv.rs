// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! TLV files: `NVFW`, then blocks of a tag of four ASCII letters, a length, and that many
//! bytes, padded to a multiple of 4. Follows Documentation/gpu/nova/core/tlv.rst of Linux 7.3.

use alloc::vec::Vec;

use crate::{
    bytes::{printable, slice},
    error::FormatError,
};

/// The first four bytes of a file.
pub const MAGIC: [u8; 4] = *b"NVFW";

const HEADER: u64 = 8;

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// A tag that this crate knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Tag {
            $($(#[$doc])* $name,)*
        }

        impl Tag {
            /// The tag's four letters.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

tags! {
    /// Version of the firmware, as text. Each file has it.
    VERS;
    /// The image.
    BLOB;
    /// Name of the file that has the image.
    FILE;
    /// Bytes of that file.
    SIZE;
    /// Signatures, one after the other.
    SIGN;
    /// Number of signatures.
    NSIG;
    /// Build id.
    BLID;
    /// Offset of the data in the image.
    DAOF;
    /// Bytes of the data.
    DASZ;
    /// Offset of the code in the image.
    CDOF;
    /// Bytes of the code.
    CDSZ;
    /// Offset of the manifest in the image.
    MFOF;
    /// Version of the application.
    APPV;
    /// Where the signature goes in the image.
    PLOC;
    /// Version that the fuses are compared with.
    FUSE;
    /// Mask of the engines that may run the image.
    ENID;
    /// Id of the program.
    UCID;
    /// Offset of the first application's code in the image.
    A0CO;
    /// Bytes of the first application's code.
    A0CS;
}

/// A block of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// The tag's letters.
    pub tag: [u8; 4],
    /// The value, without padding.
    pub value: &'a [u8],
}

/// A file whose blocks are whole, whose tags are there once, and that has a version.
#[derive(Clone, Copy, Debug)]
pub struct Tlv<'a> {
    blocks: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// Checks the blocks of a file.
    pub fn new(file: &'a [u8]) -> Result<Self, FormatError> {
        let magic = slice(file, "TLV magic", 0u64, 4u64)?;
        if magic != MAGIC {
            let value = magic
                .iter()
                .fold(0u32, |value, &byte| value << 8 | u32::from(byte));
            return Err(FormatError::value("TLV magic", value, "\"NVFW\""));
        }
        let tlv = Self { blocks: &file[4..] };
        let mut rest = tlv.blocks;
        let mut count = 0;
        while !rest.is_empty() {
            count += 1;
            if count > MAX_BLOCKS {
                return Err(FormatError::value(
                    "TLV block count",
                    count as u64,
                    "256 at most",
                ));
            }
            rest = split(rest)?.1;
        }
        // Quadratic in the number of blocks, which is small.
        for (index, block) in tlv.blocks().enumerate() {
            if tlv.blocks().take(index).any(|other| other.tag == block.tag) {
                return Err(FormatError::Duplicate("TLV tag"));
            }
        }
        tlv.string(Tag::VERS)?;
        Ok(tlv)
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> + use<'a> {
        let mut rest = self.blocks;
        core::iter::from_fn(move || {
            let (block, after) = split(rest).ok()?;
            rest = after;
            Some(block)
        })
    }

    /// The value of `tag`, which may be empty.
    pub fn find(&self, tag: Tag) -> Option<&'a [u8]> {
        self.blocks()
            .find(|block| block.tag == tag.name().as_bytes())
            .map(|block| block.value)
    }

    /// A value that is bytes, at least one.
    pub fn bytes(&self, tag: Tag) -> Result<&'a [u8], FormatError> {
        match self.find(tag) {
            None => Err(FormatError::Missing(tag.name())),
            Some([]) => Err(FormatError::value(tag.name(), 0u64, "at least one byte")),
            Some(value) => Ok(value),
        }
    }

    /// A value that is a 32-bit number.
    pub fn u32(&self, tag: Tag) -> Result<u32, FormatError> {
        let value = self.find(tag).ok_or(FormatError::Missing(tag.name()))?;
        let bytes = value.try_into().map_err(|_| {
            FormatError::value(tag.name(), value.len() as u64, "4 bytes, as a number is")
        })?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// A value that is text.
    pub fn string(&self, tag: Tag) -> Result<&'a str, FormatError> {
        let value = self.find(tag).ok_or(FormatError::Missing(tag.name()))?;
        printable(tag.name(), value)
    }
}

/// More blocks than any file has.
const MAX_BLOCKS: usize = 256;

fn split(bytes: &[u8]) -> Result<(Block<'_>, &[u8]), FormatError> {
    let header = slice(bytes, "TLV block header", 0u64, HEADER)?;
    let tag = [header[0], header[1], header[2], header[3]];
    let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    if !tag.is_ascii() {
        return Err(FormatError::value(
            "TLV tag",
            u32::from_be_bytes(tag),
            "ASCII",
        ));
    }
    // At most 2^32 + 2, which u64 holds.
    let padded = u64::from(len).next_multiple_of(4);
    let value = slice(bytes, "TLV value", HEADER, padded)?;
    let block = Block {
        tag,
        value: &value[..len as usize],
    };
    Ok((block, &bytes[(HEADER + padded) as usize..]))
}

/// Writes a file.
#[derive(Clone, Debug)]
pub struct Writer {
    file: Vec<u8>,
    too_long: Option<FormatError>,
}

impl Writer {
    /// A file with the mandatory version.
    pub fn new(version: &str) -> Self {
        let writer = Self {
            file: MAGIC.to_vec(),
            too_long: None,
        };
        writer.string(Tag::VERS, version)
    }

    /// Adds bytes.
    pub fn bytes(mut self, tag: Tag, value: &[u8]) -> Self {
        let len = value.len() as u64;
        match u32::try_from(len) {
            Ok(len) => {
                self.file.extend_from_slice(tag.name().as_bytes());
                self.file.extend_from_slice(&len.to_le_bytes());
                self.file.extend_from_slice(value);
                self.file.resize(self.file.len().next_multiple_of(4), 0);
            }
            Err(_) => {
                self.too_long = Some(FormatError::value(tag.name(), len, "below 4 GiB"));
            }
        }
        self
    }

    /// Adds a 32-bit number.
    pub fn u32(self, tag: Tag, value: u32) -> Self {
        self.bytes(tag, &value.to_le_bytes())
    }

    /// Adds text.
    pub fn string(self, tag: Tag, value: &str) -> Self {
        self.bytes(tag, value.as_bytes())
    }

    /// The file; an error when a value does not fit its length field.
    pub fn finish(self) -> Result<Vec<u8>, FormatError> {
        match self.too_long {
            None => Ok(self.file),
            Some(error) => Err(error),
        }
    }
}
