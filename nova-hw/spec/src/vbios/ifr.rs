// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! IFR, the initial register table that flash may start with. Only where the first image is
//! matters here.

use crate::error::FormatError;

/// `NVGI`, the first dword of an IFR.
pub const SIGNATURE: u32 = u32::from_le_bytes(*b"NVGI");
/// `RFRD`, the first dword of a ROM directory.
pub const DIRECTORY: u32 = u32::from_le_bytes(*b"RFRD");
/// Bytes between the flash status and the ROM directory.
pub const FLASH_STATUS_SIZE: u32 = 4096;

/// Where the first image is in the ROM: 0 when there is no IFR. `read32` reads a dword of the
/// ROM at a multiple of 4.
pub fn first_image<E: From<FormatError>>(
    mut read32: impl FnMut(u32) -> Result<u32, E>,
) -> Result<u32, E> {
    if read32(0)? != SIGNATURE {
        return Ok(0);
    }
    let fixed = read32(4)?;
    let offset = match fixed >> 8 & 0xff {
        1 | 2 => {
            // At most 0x7fff + 4.
            let pointer = (fixed >> 16 & 0x7fff) + 4;
            read32(aligned("IFR data size", pointer)?)?
        }
        3 => {
            let total = read32(8)? & 0xf_ffff;
            let status = read32(aligned("IFR total size", total)?)?;
            let inside = status < super::MAX_ROM as u32;
            if !inside {
                let expected = "inside the ROM";
                return Err(FormatError::value("flash status offset", status, expected).into());
            }
            let directory = aligned("flash status offset", status + FLASH_STATUS_SIZE)?;
            let signature = read32(directory)?;
            if signature != DIRECTORY {
                let expected = "\"RFRD\"";
                return Err(FormatError::value("ROM directory", signature, expected).into());
            }
            read32(directory + 8)?
        }
        version => {
            return Err(FormatError::value("IFR version", version, "1, 2 or 3").into());
        }
    };
    if offset >= super::MAX_ROM as u32 || offset % 4 != 0 {
        let expected = "a multiple of 4 inside the ROM";
        return Err(FormatError::value("offset of the first image", offset, expected).into());
    }
    Ok(offset)
}

fn aligned(field: &'static str, offset: u32) -> Result<u32, FormatError> {
    if offset % 4 == 0 {
        Ok(offset)
    } else {
        Err(FormatError::value(field, offset, "a multiple of 4"))
    }
}
