// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Making (`GSP_RM_ALLOC`), controlling (`GSP_RM_CONTROL`) and freeing (`FREE`) an object: a
//! header, then parameters. An answer repeats the request, with a status and the parameters as
//! RM leaves them. Follows `g_rpc-structures.h` of open-gpu-kernel-modules.
#![allow(non_snake_case)] // NVIDIA's names

use alloc::vec::Vec;

use zerocopy::{little_endian::U32, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{
    bytes::{slice, structure},
    error::FormatError,
};

/// `rpc_gsp_rm_alloc_v03_00`. Handles are numbers that the client chooses.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct GspRmAlloc {
    /// The client.
    pub hClient: U32,
    /// The object's parent.
    pub hParent: U32,
    /// The object.
    pub hObject: U32,
    /// A [`Class`](super::Class).
    pub hClass: U32,
    /// A [`NvStatus`](super::NvStatus).
    pub status: U32,
    /// Bytes of the parameters.
    pub paramsSize: U32,
    /// 0.
    pub flags: U32,
    /// 0.
    pub reserved: U32,
}

/// `rpc_gsp_rm_control_v03_00`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct GspRmControl {
    /// The client.
    pub hClient: U32,
    /// The object.
    pub hObject: U32,
    /// A [`Control`](super::Control).
    pub cmd: U32,
    /// A [`NvStatus`](super::NvStatus).
    pub status: U32,
    /// Bytes of the parameters.
    pub paramsSize: U32,
    /// 0.
    pub flags: U32,
}

/// `rpc_free_v03_00`, which has no parameters. What an object owns goes with it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct Free {
    /// The client.
    pub hRoot: U32,
    /// The object's parent; RM does not need it.
    pub hObjectParent: U32,
    /// The object.
    pub hObjectOld: U32,
    /// A [`NvStatus`](super::NvStatus).
    pub status: U32,
}

const _: () = {
    assert!(size_of::<GspRmAlloc>() == 32);
    assert!(size_of::<GspRmControl>() == 24);
    assert!(size_of::<Free>() == 16);
};

impl GspRmAlloc {
    /// A request. `params` are short: they fit one message.
    pub fn encode(
        client: u32,
        parent: u32,
        object: u32,
        class: super::Class,
        params: &[u8],
    ) -> Vec<u8> {
        let header = Self {
            hClient: client.into(),
            hParent: parent.into(),
            hObject: object.into(),
            hClass: class.0.into(),
            paramsSize: (params.len() as u32).into(),
            ..Self::default()
        };
        [header.as_bytes(), params].concat()
    }

    /// Reads a payload: header and parameters.
    pub fn decode(payload: &[u8]) -> Result<(&Self, &[u8]), FormatError> {
        let header: &Self = structure(payload, "GSP_RM_ALLOC", 0u64)?;
        let at = size_of::<Self>() as u64;
        let params = slice(payload, "GSP_RM_ALLOC parameters", at, header.paramsSize)?;
        Ok((header, params))
    }
}

impl GspRmControl {
    /// A request.
    pub fn encode(client: u32, object: u32, cmd: super::Control, params: &[u8]) -> Vec<u8> {
        let header = Self {
            hClient: client.into(),
            hObject: object.into(),
            cmd: cmd.0.into(),
            paramsSize: (params.len() as u32).into(),
            ..Self::default()
        };
        [header.as_bytes(), params].concat()
    }

    /// Reads a payload: header and parameters.
    pub fn decode(payload: &[u8]) -> Result<(&Self, &[u8]), FormatError> {
        let header: &Self = structure(payload, "GSP_RM_CONTROL", 0u64)?;
        let at = size_of::<Self>() as u64;
        let params = slice(payload, "GSP_RM_CONTROL parameters", at, header.paramsSize)?;
        Ok((header, params))
    }
}

impl Free {
    /// A request.
    pub fn new(client: u32, parent: u32, object: u32) -> Self {
        Self {
            hRoot: client.into(),
            hObjectParent: parent.into(),
            hObjectOld: object.into(),
            status: 0.into(),
        }
    }

    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Result<&Self, FormatError> {
        structure(payload, "FREE", 0u64)
    }
}

/// Reads the parameters of a class or a control: `T` says which. Longer ones are cut.
pub fn params<T>(what: &'static str, params: &[u8]) -> Result<T, FormatError>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned + Copy,
{
    structure(params, what, 0u64).copied()
}
