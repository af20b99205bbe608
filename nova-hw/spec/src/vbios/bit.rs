// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! BIT, the BIOS information table: tokens that lead to tables in the PC-AT image.

use zerocopy::{little_endian::U16, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{
    bytes::{structure, tail, u32_at},
    error::FormatError,
};

/// The bytes that BIT starts with.
pub const SIGNATURE: [u8; 6] = [0xff, 0xb8, b'B', b'I', b'T', 0];
/// Token of the pointer to falcon data.
pub const TOKEN_FALCON_DATA: u8 = 0x70;
/// Version of that token.
pub const FALCON_DATA_VERSION: u8 = 2;

/// BIT's header.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BitHeader {
    /// [`SIGNATURE`].
    pub signature: [u8; 6],
    /// Version, in binary coded decimal.
    pub bcd_version: U16,
    /// Bytes of this header.
    pub header_size: u8,
    /// Bytes of a token.
    pub token_size: u8,
    /// How many tokens follow.
    pub token_entries: u8,
    /// Makes the sum of this header's bytes 0.
    pub checksum: u8,
}

/// A token.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BitToken {
    /// What it leads to.
    pub id: u8,
    /// Version of that.
    pub data_version: u8,
    /// Bytes of it.
    pub data_size: U16,
    /// Where it is in the image.
    pub data_offset: U16,
}

const _: () = assert!(size_of::<BitHeader>() == 12 && size_of::<BitToken>() == 6);

/// Finds a token in a PC-AT image; an error, which says how many there are, when none has the
/// id.
pub fn token(image: &[u8], id: u8) -> Result<&BitToken, FormatError> {
    let at = image
        .windows(SIGNATURE.len())
        .position(|window| window == SIGNATURE);
    let at = at.ok_or(FormatError::Missing("BIT in the VBIOS"))?;
    let bit = tail(image, "BIT", at as u64)?;
    let header: &BitHeader = structure(bit, "BIT header", 0u64)?;
    if usize::from(header.token_size) < size_of::<BitToken>() {
        return Err(FormatError::value(
            "BIT token_size",
            header.token_size,
            "6 at least",
        ));
    }
    for index in 0..u64::from(header.token_entries) {
        let offset = u64::from(header.header_size) + index * u64::from(header.token_size);
        let token: &BitToken = structure(bit, "BIT token", offset)?;
        if token.id == id {
            return Ok(token);
        }
    }
    Err(FormatError::value(
        "number of BIT tokens",
        header.token_entries,
        "one with that id",
    ))
}

/// The pointer to falcon data, the table of [`pmu`](super::pmu).
pub fn falcon_data(image: &[u8]) -> Result<u32, FormatError> {
    let token = token(image, TOKEN_FALCON_DATA)?;
    if token.data_version != FALCON_DATA_VERSION {
        let field = "version of BIT's falcon data";
        return Err(FormatError::value(field, token.data_version, "2"));
    }
    u32_at(image, "falcon data pointer", token.data_offset)
}
