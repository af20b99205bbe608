// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The table of falcon programs (`PMU lookup table`): which application is where.

use zerocopy::{little_endian::U32, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{bytes::structure, error::FormatError};

/// FWSEC, signed for debug boards.
pub const APPID_FWSEC_DBG: u8 = 0x45;
/// FWSEC, signed for production boards.
pub const APPID_FWSEC_PROD: u8 = 0x85;

/// The table's header.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct PmuTableHeader {
    /// Version, 1.
    pub version: u8,
    /// Bytes of this header.
    pub header_len: u8,
    /// Bytes of an entry.
    pub entry_len: u8,
    /// How many entries follow.
    pub entry_count: u8,
}

/// An application.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct PmuTableEntry {
    /// Which.
    pub application_id: u8,
    /// On which falcon it runs.
    pub target_id: u8,
    /// Pointer to its descriptor, counted as [`Vbios`](super::Vbios) says.
    pub data: U32,
}

const _: () = assert!(size_of::<PmuTableHeader>() == 4 && size_of::<PmuTableEntry>() == 6);

/// A table whose header is in order.
#[derive(Clone, Copy, Debug)]
pub struct PmuTable<'a> {
    bytes: &'a [u8],
    header: &'a PmuTableHeader,
}

impl<'a> PmuTable<'a> {
    /// Checks the header of a table that starts `bytes`.
    pub fn new(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let header: &PmuTableHeader = structure(bytes, "PMU table header", 0u64)?;
        if header.version != 1 {
            return Err(FormatError::value("PMU table version", header.version, "1"));
        }
        if usize::from(header.entry_len) < size_of::<PmuTableEntry>() {
            let expected = "6 at least";
            return Err(FormatError::value(
                "PMU table entry_len",
                header.entry_len,
                expected,
            ));
        }
        Ok(Self { bytes, header })
    }

    /// The pointer to an application's descriptor.
    pub fn find(&self, application_id: u8) -> Result<u32, FormatError> {
        let Self { bytes, header } = self;
        for index in 0..u64::from(header.entry_count) {
            let offset = u64::from(header.header_len) + index * u64::from(header.entry_len);
            let entry: &PmuTableEntry = structure(bytes, "PMU table entry", offset)?;
            if entry.application_id == application_id {
                return Ok(entry.data.get());
            }
        }
        Err(FormatError::Missing(
            "FWSEC in the table of falcon programs",
        ))
    }
}
