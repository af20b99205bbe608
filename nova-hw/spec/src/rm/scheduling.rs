// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Context shares, and controls about when channels run. Follows `nvos.h`, `ctrla06c.h`,
//! `ctrla06fgpfifo.h` and `ctrl2080fifo.h` of open-gpu-kernel-modules 570.144.
#![allow(non_snake_case, non_camel_case_types)] // NVIDIA's names

use zerocopy::{
    little_endian::{U32, U64},
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
};

/// A context in a channel group.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV_CTXSHARE_ALLOCATION_PARAMETERS {
    /// The address space.
    pub hVASpace: U32,
    pub flags: U32,
    /// Out: which of the group's contexts it is.
    pub subctxId: U32,
}

/// `NVA06C_SET_TIMESLICE` and `NVA06C_GET_TIMESLICE`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NVA06C_CTRL_TIMESLICE_PARAMS {
    /// Microseconds.
    pub timesliceUs: U64,
}

/// `NVA06C_SET_INTERLEAVE_LEVEL`, `NVA06C_GET_INTERLEAVE_LEVEL` and
/// `NVA06F_SET_INTERLEAVE_LEVEL`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct InterleaveLevelParams {
    /// 0 low, 1 medium, 2 high.
    pub level: U32,
}

/// The highest level.
pub const INTERLEAVE_LEVEL_HIGH: u32 = 2;

/// `NVA06F_STOP_CHANNEL`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NVA06F_CTRL_STOP_CHANNEL_PARAMS {
    /// 1 does not wait for the channel to be idle.
    pub bImmediate: u8,
}

/// Most channels of a [`NV2080_CTRL_FIFO_DISABLE_CHANNELS_PARAMS`].
pub const DISABLE_CHANNELS_MAX_ENTRIES: usize = 64;

/// `NV2080_FIFO_DISABLE_CHANNELS`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_FIFO_DISABLE_CHANNELS_PARAMS {
    /// 1 stops them, 0 lets them run again.
    pub bDisable: u8,
    /// 0.
    pub padding0: [u8; 3],
    /// How many.
    pub numChannels: U32,
    /// 1 leaves a channel on its engine that is there.
    pub bOnlyDisableScheduling: u8,
    /// 1 forgets entries that were not fetched.
    pub bRewindGpPut: u8,
    /// 0.
    pub padding1: [u8; 6],
    /// 0: the answer waits until the channels are off.
    pub pRunlistPreemptEvent: U64,
    /// Their clients.
    pub hClientList: [U32; DISABLE_CHANNELS_MAX_ENTRIES],
    /// Their handles.
    pub hChannelList: [U32; DISABLE_CHANNELS_MAX_ENTRIES],
}

const _: () = {
    assert!(size_of::<NV_CTXSHARE_ALLOCATION_PARAMETERS>() == 12);
    assert!(size_of::<NV2080_CTRL_FIFO_DISABLE_CHANNELS_PARAMS>() == 536);
};
