// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! FWSEC's application interface: a list of applications in DMEM, of which the DMEM mapper
//! says where a command is put and which it is.

use zerocopy::{
    little_endian::{U16, U32, U64},
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use crate::{bytes::structure, error::FormatError};

/// The list's header.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AppifHdrV1 {
    /// 1.
    pub version: u8,
    /// Bytes of this header.
    pub header_size: u8,
    /// Bytes of an entry.
    pub entry_size: u8,
    /// How many entries follow.
    pub entry_count: u8,
}

/// An entry of the list.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AppifV1 {
    /// Which application.
    pub id: U32,
    /// Where its structure is in DMEM.
    pub dmem_base: U32,
}

/// The DMEM mapper's id.
pub const APPIF_ID_DMEMMAPPER: u32 = 4;

/// The DMEM mapper, version 3.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)] // open-gpu-kernel-modules' names; offsets in DMEM and sizes in bytes
pub struct DmemMapperV3 {
    /// `DMAP`.
    pub signature: [u8; 4],
    pub version: U16,
    pub size: U16,
    pub cmd_in_buffer_offset: U32,
    pub cmd_in_buffer_size: U32,
    pub cmd_out_buffer_offset: U32,
    pub cmd_out_buffer_size: U32,
    pub nvf_img_data_buffer_offset: U32,
    pub nvf_img_data_buffer_size: U32,
    pub printf_buffer_hdr: U32,
    pub ucode_build_time_stamp: U32,
    pub ucode_signature: U32,
    /// Which command is executed at the start.
    pub init_cmd: U32,
    pub ucode_feature: U32,
    pub ucode_cmd_mask0: U32,
    pub ucode_cmd_mask1: U32,
    pub multi_tgt_tbl: U32,
}

/// Makes a write-protected region for the firmware's runtime services.
pub const CMD_FRTS: u32 = 0x15;
/// Secure boot's second half: ends what FRTS began.
pub const CMD_SB: u32 = 0x19;

/// Where FWSEC finds the VBIOS: the first part of a command.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ReadVbios {
    /// 1.
    pub ver: U32,
    /// Bytes of this structure.
    pub hdr: U32,
    /// 0: it finds it itself.
    pub addr: U64,
    /// 0.
    pub size: U32,
    /// 2.
    pub flags: U32,
}

/// The region: the second part of [`CMD_FRTS`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FrtsRegion {
    /// 1.
    pub ver: U32,
    /// Bytes of this structure.
    pub hdr: U32,
    /// Address in VRAM, in units of 4 KiB.
    pub addr: U32,
    /// Size in units of 4 KiB.
    pub size: U32,
    /// [`FRTS_REGION_TYPE_FB`].
    pub ftype: U32,
}

/// The region is in VRAM.
pub const FRTS_REGION_TYPE_FB: u32 = 2;

/// Bytes of the largest command.
pub const COMMAND_SIZE: usize = size_of::<ReadVbios>() + size_of::<FrtsRegion>();

const _: () = {
    assert!(size_of::<AppifHdrV1>() == 4 && size_of::<AppifV1>() == 8);
    assert!(size_of::<DmemMapperV3>() == 64);
    assert!(size_of::<ReadVbios>() == 24 && size_of::<FrtsRegion>() == 20);
};

/// What FWSEC is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make the write-protected region WPR2.
    Frts {
        /// Address in VRAM, a multiple of 4 KiB below 2^44.
        address: u64,
        /// Bytes, a multiple of 4 KiB below 2^44.
        size: u64,
    },
    /// End it.
    Sb,
}

/// Checks that a list has a mapper whose command buffer is inside DMEM.
pub(super) fn check(dmem: &[u8], interface_offset: u32) -> Result<(), FormatError> {
    let (_, mapper) = find_mapper(dmem, interface_offset)?;
    command_buffer(dmem, mapper).map(|_| ())
}

/// Reads the command out of a falcon's DMEM, as FWSEC does when it starts.
pub fn read_command(dmem: &[u8], interface_offset: u32) -> Result<Command, FormatError> {
    let (_, mapper) = find_mapper(dmem, interface_offset)?;
    match mapper.init_cmd.get() {
        CMD_SB => Ok(Command::Sb),
        CMD_FRTS => {
            let at = u64::from(mapper.cmd_in_buffer_offset) + size_of::<ReadVbios>() as u64;
            let region: &FrtsRegion = structure(dmem, "FRTS region", at)?;
            if region.ftype.get() != FRTS_REGION_TYPE_FB {
                return Err(FormatError::value(
                    "FRTS region type",
                    region.ftype,
                    "2 (VRAM)",
                ));
            }
            Ok(Command::Frts {
                address: u64::from(region.addr) << 12,
                size: u64::from(region.size) << 12,
            })
        }
        other => Err(FormatError::value(
            "FWSEC command",
            other,
            "0x15 (FRTS) or 0x19 (SB)",
        )),
    }
}

/// Writes a command into DMEM.
pub fn write_command(
    dmem: &mut [u8],
    interface_offset: u32,
    command: Command,
) -> Result<(), FormatError> {
    let (at, mapper) = find_mapper(dmem, interface_offset)?;
    let buffer = command_buffer(dmem, mapper)?;
    let mut mapper = *mapper;
    let read_vbios = ReadVbios {
        ver: 1.into(),
        hdr: (size_of::<ReadVbios>() as u32).into(),
        addr: 0.into(),
        size: 0.into(),
        flags: 2.into(),
    };
    let (first, second) = dmem[buffer].split_at_mut(size_of::<ReadVbios>());
    first.copy_from_slice(read_vbios.as_bytes());
    mapper.init_cmd = match command {
        Command::Sb => CMD_SB.into(),
        Command::Frts { address, size } => {
            let region = FrtsRegion {
                ver: 1.into(),
                hdr: (size_of::<FrtsRegion>() as u32).into(),
                addr: pages("FRTS address", address)?.into(),
                size: pages("FRTS size", size)?.into(),
                ftype: FRTS_REGION_TYPE_FB.into(),
            };
            second.copy_from_slice(region.as_bytes());
            CMD_FRTS.into()
        }
    };
    dmem[at..at + size_of::<DmemMapperV3>()].copy_from_slice(mapper.as_bytes());
    Ok(())
}

fn pages(field: &'static str, bytes: u64) -> Result<u32, FormatError> {
    let pages = u32::try_from(bytes >> 12)
        .ok()
        .filter(|_| bytes % 4096 == 0);
    pages.ok_or(FormatError::value(
        field,
        bytes,
        "a multiple of 4 KiB below 2^44",
    ))
}

/// The mapper and where it is: inside of `dmem`.
pub fn find_mapper(
    dmem: &[u8],
    interface_offset: u32,
) -> Result<(usize, &DmemMapperV3), FormatError> {
    let header: &AppifHdrV1 = structure(dmem, "application interface", interface_offset)?;
    if header.version != 1 {
        let field = "application interface version";
        return Err(FormatError::value(field, header.version, "1"));
    }
    for index in 0..u64::from(header.entry_count) {
        let at = u64::from(interface_offset) + u64::from(header.header_size);
        let at = at + index * u64::from(header.entry_size);
        let entry: &AppifV1 = structure(dmem, "application interface entry", at)?;
        if entry.id.get() == APPIF_ID_DMEMMAPPER {
            let at = entry.dmem_base.get();
            let mapper = structure(dmem, "DMEM mapper", at)?;
            return Ok((at as usize, mapper));
        }
    }
    Err(FormatError::Missing(
        "DMEM mapper in FWSEC's application interface",
    ))
}

fn command_buffer(
    dmem: &[u8],
    mapper: &DmemMapperV3,
) -> Result<core::ops::Range<usize>, FormatError> {
    let at = mapper.cmd_in_buffer_offset;
    crate::bytes::slice(dmem, "FWSEC's command buffer", at, COMMAND_SIZE as u64)?;
    let at = at.get() as usize;
    Ok(at..at + COMMAND_SIZE)
}
