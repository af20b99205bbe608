// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `SET_REGISTRY`: settings of RM by name. A header, entries, then the names, each with its
//! NUL. Follows `PACKED_REGISTRY_TABLE` of open-gpu-kernel-modules.

use alloc::vec::Vec;

use zerocopy::{little_endian::U32, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{
    bytes::{printable, structure, tail, until_nul},
    error::FormatError,
};

/// The header.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct PackedRegistryTable {
    /// Bytes of the whole payload.
    pub size: U32,
    /// How many entries follow.
    pub num_entries: U32,
}

/// An entry.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct PackedRegistryEntry {
    /// Where the name is in the payload.
    pub name_offset: U32,
    /// [`TYPE_DWORD`].
    pub kind: u8,
    /// 0.
    pub padding: [u8; 3],
    /// The value.
    pub data: U32,
    /// Bytes of the value; some senders leave 0.
    pub length: U32,
}

/// The value is a number of 32 bits.
pub const TYPE_DWORD: u8 = 1;
/// Most entries that are read.
pub const MAX_ENTRIES: u32 = 256;

const TABLE: usize = size_of::<PackedRegistryTable>();
const ENTRY: usize = size_of::<PackedRegistryEntry>();
const _: () = assert!(TABLE == 8 && ENTRY == 16);

/// The settings that both upstream drivers send.
pub const DEFAULT_ENTRIES: [(&str, u32); 3] = [
    ("RMSecBusResetEnable", 1),
    ("RMForcePcieConfigSave", 1),
    ("RMDevidCheckIgnore", 1),
];

/// Writes a payload.
pub fn encode(entries: &[(&str, u32)]) -> Vec<u8> {
    let names_at = TABLE + entries.len() * ENTRY;
    let mut names = Vec::new();
    let mut table = Vec::new();
    for (name, value) in entries {
        let entry = PackedRegistryEntry {
            name_offset: ((names_at + names.len()) as u32).into(),
            kind: TYPE_DWORD,
            padding: [0; 3],
            data: (*value).into(),
            length: 4.into(),
        };
        table.extend_from_slice(entry.as_bytes());
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    let header = PackedRegistryTable {
        size: ((names_at + names.len()) as u32).into(),
        num_entries: (entries.len() as u32).into(),
    };
    [header.as_bytes(), &table, &names].concat()
}

/// Reads a payload: names and values in order. An error ends the walk.
pub fn decode(
    payload: &[u8],
) -> Result<impl Iterator<Item = Result<(&str, u32), FormatError>>, FormatError> {
    let header: &PackedRegistryTable = structure(payload, "registry table", 0u64)?;
    let count = header.num_entries.get();
    if count > MAX_ENTRIES {
        return Err(FormatError::value(
            "registry numEntries",
            count,
            "256 at most",
        ));
    }
    let mut failed = false;
    Ok((0..count).map_while(move |index| {
        if failed {
            return None;
        }
        let entry = decode_entry(payload, index);
        failed = entry.is_err();
        Some(entry)
    }))
}

fn decode_entry(payload: &[u8], index: u32) -> Result<(&str, u32), FormatError> {
    let offset = TABLE as u64 + u64::from(index) * ENTRY as u64;
    let entry: &PackedRegistryEntry = structure(payload, "registry entry", offset)?;
    if entry.kind != TYPE_DWORD {
        return Err(FormatError::value(
            "registry entry's type",
            entry.kind,
            "1 (dword)",
        ));
    }
    let name = tail(payload, "registry entry's name", entry.name_offset)?;
    Ok((
        printable("registry entry's name", until_nul(name))?,
        entry.data.get(),
    ))
}
