// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a VBIOS says about itself, for people: version and date. Neither is needed to boot.

use core::fmt;

use super::bit;
use crate::{bytes::structure, error::FormatError};

/// Token of what is for internal use, which starts with the version.
pub const TOKEN_INTERNAL_USE: u8 = b'i';
/// Where in a PC-AT image its date is, by a convention as old as the PC.
pub const DATE_AT: usize = 0x38;

/// A version, shown as NVIDIA writes it: `94.02.42.00.a9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VbiosVersion {
    /// Four numbers, most significant first.
    pub number: [u8; 4],
    /// The board maker's number.
    pub oem: u8,
}

impl VbiosVersion {
    /// Reads the version of a PC-AT image.
    pub fn of(image: &[u8]) -> Result<Self, FormatError> {
        let token = bit::token(image, TOKEN_INTERNAL_USE)?;
        if token.data_size.get() < 5 {
            let field = "size of BIT's internal use data";
            return Err(FormatError::value(
                field,
                token.data_size.get(),
                "5 at least",
            ));
        }
        let [number @ .., oem]: [u8; 5] =
            *structure(image, "VBIOS version", token.data_offset.get())?;
        Ok(Self {
            number: u32::from_le_bytes(number).to_be_bytes(),
            oem,
        })
    }

    /// The version's bytes in the ROM.
    pub fn to_bytes(self) -> [u8; 5] {
        let [major, chip, minor, micro] = self.number;
        [micro, minor, chip, major, self.oem]
    }
}

impl fmt::Display for VbiosVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, chip, minor, micro] = self.number;
        write!(
            f,
            "{major:02x}.{chip:02x}.{minor:02x}.{micro:02x}.{:02x}",
            self.oem
        )
    }
}

/// The date of a PC-AT image, as `mm/dd/yy`, where it looks like one.
pub fn date(image: &[u8]) -> Option<&str> {
    let bytes = image.get(DATE_AT..DATE_AT + 8)?;
    let looks_right = bytes.iter().enumerate().all(|(at, byte)| match at {
        2 | 5 => *byte == b'/',
        _ => byte.is_ascii_digit(),
    });
    looks_right
        .then(|| core::str::from_utf8(bytes).ok())
        .flatten()
}
