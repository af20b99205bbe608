// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The memory system's properties, and the calls that change page directories outside of
//! controls. Follows `ctrl2080internal.h` and `g_rpc-structures.h` of open-gpu-kernel-modules
//! 570.144.
#![allow(non_snake_case, non_camel_case_types)] // NVIDIA's names

use zerocopy::{
    little_endian::{U32, U64},
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use super::control::{
    NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS, NV0080_CTRL_DMA_UNSET_PAGE_DIRECTORY_PARAMS,
};

/// `NV2080_INTERNAL_MEMSYS_GET_STATIC_CONFIG`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV2080_CTRL_INTERNAL_MEMSYS_GET_STATIC_CONFIG_PARAMS {
    pub bOneToOneComptagLineAllocation: u8,
    pub bUseOneToFourComptagLineAllocation: u8,
    pub bUseRawModeComptaglineAllocation: u8,
    pub bDisableCompbitBacking: u8,
    pub bDisablePostL2Compression: u8,
    pub bEnabledEccFBPA: u8,
    pub bL2PreFill: u8,
    pub padding0: u8,
    /// Bytes.
    pub l2CacheSize: U64,
    pub bFbpaPresent: u8,
    pub padding1: [u8; 3],
    /// Bytes that a compression tag covers.
    pub comprPageSize: U32,
    /// Its logarithm.
    pub comprPageShift: U32,
    pub ramType: U32,
    pub ltcCount: U32,
    pub ltsPerLtcCount: U32,
}

/// `UPDATE_BAR_PDE`: an entry of the root page directory of a BAR.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct UpdateBarPde {
    /// [`BAR_1`](Self::BAR_1) or [`BAR_2`](Self::BAR_2).
    pub barType: U32,
    /// 0.
    pub padding: U32,
    /// The entry, of the format of the chip's MMU.
    pub entryValue: U64,
    /// The level that the entry is of, by its lowest address bit.
    pub entryLevelShift: U64,
}

impl UpdateBarPde {
    /// The window on VRAM.
    pub const BAR_1: u32 = 0;
    /// The window on instance memory, PCI's BAR3.
    pub const BAR_2: u32 = 1;
}

/// `SET_PAGE_DIRECTORY`, the call.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SetPageDirectory {
    /// The client.
    pub hClient: U32,
    /// The device.
    pub hDevice: U32,
    /// Process address space id; 0xffff_ffff for none.
    pub pasid: U32,
    /// 0.
    pub padding: U32,
    /// As in the control.
    pub params: NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS,
}

/// `UNSET_PAGE_DIRECTORY`, the call.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct UnsetPageDirectory {
    /// The client.
    pub hClient: U32,
    /// The device.
    pub hDevice: U32,
    /// As in the control.
    pub params: NV0080_CTRL_DMA_UNSET_PAGE_DIRECTORY_PARAMS,
}

const _: () = {
    assert!(size_of::<NV2080_CTRL_INTERNAL_MEMSYS_GET_STATIC_CONFIG_PARAMS>() == 40);
    assert!(size_of::<UpdateBarPde>() == 24);
    assert!(size_of::<SetPageDirectory>() == 48);
    assert!(size_of::<UnsetPageDirectory>() == 16);
};
