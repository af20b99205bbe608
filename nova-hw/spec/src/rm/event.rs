// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Payloads of RM's events. Follows `g_rpc-structures.h` of open-gpu-kernel-modules 570.144.
#![allow(non_snake_case)] // NVIDIA's names

use alloc::vec::Vec;

use zerocopy::{
    little_endian::{U16, U32},
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use crate::{
    bytes::{slice, structure, until_nul},
    error::FormatError,
};

/// `POST_EVENT`: an event that an object was made for.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct PostEvent {
    pub hClient: U32,
    /// The event object.
    pub hEvent: U32,
    /// Which event.
    pub notifyIndex: U32,
    /// What the event object was made with.
    pub data: U32,
    pub info16: U16,
    pub padding: U16,
    pub status: U32,
    /// Bytes that follow.
    pub eventDataSize: U32,
    pub bNotifyList: u8,
}

impl PostEvent {
    /// A payload: header and data, of which `eventDataSize` is set here. `data` is short: it
    /// fits one message.
    pub fn encode(mut self, data: &[u8]) -> Vec<u8> {
        self.eventDataSize = (data.len() as u32).into();
        [self.as_bytes(), data].concat()
    }

    /// Reads a payload: header and data.
    pub fn decode(payload: &[u8]) -> Result<(&Self, &[u8]), FormatError> {
        let event: &Self = structure(payload, "POST_EVENT", 0u64)?;
        let at = size_of::<Self>() as u64;
        let data = slice(payload, "POST_EVENT data", at, event.eventDataSize)?;
        Ok((event, data))
    }
}

/// `RC_TRIGGERED`: a channel had an error, and is off.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct RcTriggered {
    pub nv2080EngineType: U32,
    /// The channel's id.
    pub chid: U32,
    pub gfid: U32,
    pub exceptLevel: U32,
    /// A `ROBUST_CHANNEL_*` number.
    pub exceptType: U32,
    pub scope: U32,
    pub partitionAttributionId: U16,
    pub padding0: U16,
    /// Virtual address of an MMU fault, low half.
    pub mmuFaultAddrLo: U32,
    /// High half.
    pub mmuFaultAddrHi: U32,
    pub mmuFaultType: U32,
    pub bCallbackNeeded: u8,
    pub padding1: [u8; 3],
    pub rcJournalBufferSize: U32,
}

/// `NV2080_NOTIFIERS_CE(0)`: a copy engine has told of something; the next ones follow.
pub const NV2080_NOTIFIERS_CE0: u32 = 23;
/// `NV2080_NOTIFIERS_RC_ERROR`: a channel had an error.
pub const NV2080_NOTIFIERS_RC_ERROR: u32 = 37;
/// `NV2080_NOTIFIERS_MAXCOUNT`: one past the last.
pub const NV2080_NOTIFIERS_MAXCOUNT: u32 = 181;
/// The notification's index in an event's `notifyIndex`; above it are flags.
pub const NOTIFY_INDEX_MASK: u32 = 0x00ff_ffff;

/// A PBDMA met a method that it does not know.
pub const ROBUST_CHANNEL_PBDMA_ERROR: u32 = 32;
/// A virtual address led nowhere.
pub const ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT: u32 = 31;
/// Graphics had an exception.
pub const ROBUST_CHANNEL_GR_EXCEPTION: u32 = 13;

/// `ROBUST_CHANNEL_CE_ERROR(index)`: a copy engine, of 20, met what it cannot do. Their numbers
/// are in five runs. Follows `nverror.h`.
pub const fn robust_channel_ce_error(index: u32) -> u32 {
    match index {
        0..=2 => 39 + index,
        3..=5 => 70 + (index - 3),
        6..=8 => 75 + (index - 6),
        9 => 85,
        _ => 126 + (index - 10),
    }
}

/// Which copy engine a `ROBUST_CHANNEL_*` number is about, if it is about one.
pub fn ce_of_robust_channel(number: u32) -> Option<u32> {
    (0..20).find(|&index| robust_channel_ce_error(index) == number)
}

impl RcTriggered {
    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Result<&Self, FormatError> {
        structure(payload, "RC_TRIGGERED", 0u64)
    }

    /// The virtual address of an MMU fault.
    pub fn fault_address(&self) -> u64 {
        u64::from(self.mmuFaultAddrHi) << 32 | u64::from(self.mmuFaultAddrLo)
    }
}

/// `OS_ERROR_LOG`: text about an error.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct OsErrorLog {
    /// A `ROBUST_CHANNEL_*` number.
    pub exceptType: U32,
    /// The runlist.
    pub runlistId: U32,
    /// The channel's id.
    pub chid: U32,
    /// The text, with NUL; not to be trusted to be printable.
    pub errString: [u8; 256],
}

impl OsErrorLog {
    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Result<&Self, FormatError> {
        structure(payload, "OS_ERROR_LOG", 0u64)
    }

    /// The bytes of the text.
    pub fn text(&self) -> &[u8] {
        until_nul(&self.errString)
    }
}

const _: () = {
    assert!(size_of::<PostEvent>() == 0x1d);
    assert!(size_of::<RcTriggered>() == 48);
    assert!(size_of::<OsErrorLog>() == 0x10c);
};
