// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What objects are made with, each class its own; a channel's is in
//! [`channel`](super::channel). Follows `class/cl*.h`, `nvos.h` and `alloc/` of
//! open-gpu-kernel-modules.
#![allow(non_snake_case, non_camel_case_types)] // NVIDIA's names

use zerocopy::{
    little_endian::{U32, U64},
    FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

/// A client.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV0000_ALLOC_PARAMETERS {
    /// Its own handle.
    pub hClient: U32,
    /// The process that it is for.
    pub processID: U32,
    /// The process's name, with NUL.
    pub processName: [u8; 100],
    /// 0: the pid namespace, for RM itself.
    pub reserved: [u8; 12],
}

impl NV0000_ALLOC_PARAMETERS {
    /// A client for a process; of its name 99 bytes are kept.
    pub fn new(client: u32, process: u32, name: &str) -> Self {
        let mut params = Self::new_zeroed();
        params.hClient = client.into();
        params.processID = process.into();
        for (place, byte) in params.processName.iter_mut().zip(name.bytes().take(99)) {
            *place = byte;
        }
        params
    }
}

/// A device.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV0080_ALLOC_PARAMETERS {
    pub deviceId: U32,
    pub hClientShare: U32,
    pub hTargetClient: U32,
    pub hTargetDevice: U32,
    pub flags: U32,
    pub padding0: U32,
    pub vaSpaceSize: U64,
    pub vaStartInternal: U64,
    pub vaLimitInternal: U64,
    pub vaMode: U32,
    pub padding1: U32,
}

impl NV0080_ALLOC_PARAMETERS {
    /// The only device, of `client`.
    pub fn new(client: u32) -> Self {
        let mut params = Self::new_zeroed();
        params.hClientShare = client.into();
        params
    }
}

/// A GPU of a device.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_ALLOC_PARAMETERS {
    /// 0: the only one.
    pub subDeviceId: U32,
}

/// An address space.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV_VASPACE_ALLOCATION_PARAMETERS {
    /// 0: a new one.
    pub index: U32,
    pub flags: U32,
    pub vaSize: U64,
    pub vaStartInternal: U64,
    pub vaLimitInternal: U64,
    pub bigPageSize: U32,
    pub padding: U32,
    pub vaBase: U64,
}

/// The client keeps the page tables.
pub const NV_VASPACE_ALLOCATION_FLAGS_IS_EXTERNALLY_OWNED: u32 = 1 << 3;

/// A group of channels, which take turns with other groups and not with each other.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV_CHANNEL_GROUP_ALLOCATION_PARAMETERS {
    pub hObjectError: U32,
    pub hObjectEccError: U32,
    /// The address space of those channels that name none.
    pub hVASpace: U32,
    /// An `NV2080_ENGINE_TYPE`: the engine on whose runlist the group is.
    pub engineType: U32,
    pub bIsCallingContextVgpuPlugin: u8,
    pub padding: [u8; 3],
}

impl NV_CHANNEL_GROUP_ALLOCATION_PARAMETERS {
    /// A group for an engine, with an address space.
    pub fn new(address_space: u32, engine: u32) -> Self {
        let mut params = Self::new_zeroed();
        params.hVASpace = address_space.into();
        params.engineType = engine.into();
        params
    }
}

/// A copy engine in a channel.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NVB0B5_ALLOCATION_PARAMETERS {
    /// 1: `engineType` is an `NV2080_ENGINE_TYPE`.
    pub version: U32,
    /// Which engine.
    pub engineType: U32,
}

/// An event.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV0005_ALLOC_PARAMETERS {
    pub hParentClient: U32,
    /// The object whose event it is.
    pub hSrcResource: U32,
    pub hClass: U32,
    /// Which event of the object.
    pub notifyIndex: U32,
    /// Comes back with the event.
    pub data: U64,
}

const _: () = {
    assert!(size_of::<NV0000_ALLOC_PARAMETERS>() == 120);
    assert!(size_of::<NV0080_ALLOC_PARAMETERS>() == 56);
    assert!(size_of::<NV2080_ALLOC_PARAMETERS>() == 4);
    assert!(size_of::<NV_VASPACE_ALLOCATION_PARAMETERS>() == 48);
    assert!(size_of::<NV_CHANNEL_GROUP_ALLOCATION_PARAMETERS>() == 20);
    assert!(size_of::<NVB0B5_ALLOCATION_PARAMETERS>() == 8);
    assert!(size_of::<NV0005_ALLOC_PARAMETERS>() == 24);
};
