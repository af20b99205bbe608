// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Controls about engines: which there are, on which runlist, with which interrupt vectors.
//! Follows `ctrl2080fifo.h`, `ctrl2080ce.h` and `ctrl2080internal.h` of
//! open-gpu-kernel-modules 570.144.
#![allow(non_snake_case, non_camel_case_types)] // NVIDIA's names

use zerocopy::{
    little_endian::{U16, U32},
    FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use super::engine::RmEngineType;
use crate::{
    bytes::{printable, structure, until_nul},
    error::FormatError,
};

/// Indices of `engineData`.
pub mod engine_data {
    /// Engine and instance as RM's sources name them.
    pub const ENG_DESC: usize = 0;
    /// An [`RmEngineType`](super::RmEngineType).
    pub const RM_ENGINE_TYPE: usize = 2;
    /// The runlist.
    pub const RUNLIST: usize = 3;
    /// The engine in the words of MMU faults.
    pub const MMU_FAULT_ID: usize = 4;
    /// The engine's kind in the words of the hardware.
    pub const DEV_TYPE_ENUM: usize = 9;
    /// Which of its kind.
    pub const INSTANCE_ID: usize = 10;
    /// Where the runlist's registers are.
    pub const RUNLIST_PRI_BASE: usize = 11;
    /// 1 for an engine with a runlist.
    pub const IS_HOST_DRIVEN_ENGINE: usize = 12;
    /// Where the channels' registers are.
    pub const CHRAM_PRI_BASE: usize = 14;
}

/// An engine.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_FIFO_DEVICE_ENTRY {
    /// See [`engine_data`].
    pub engineData: [U32; 16],
    /// Which PBDMAs feed it.
    pub pbdmaIds: [U32; 2],
    /// Those in the words of MMU faults.
    pub pbdmaFaultIds: [U32; 2],
    /// How many PBDMAs.
    pub numPbdmas: U32,
    /// Name, with NUL.
    pub engineName: [u8; 16],
}

/// Most entries of an answer.
pub const DEVICE_TABLE_ENTRIES: usize = 32;

/// `NV2080_FIFO_GET_DEVICE_INFO_TABLE`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS {
    /// Which entry is the first, a multiple of 32.
    pub baseIndex: U32,
    /// How many follow.
    pub numEntries: U32,
    /// 1 when there are more.
    pub bMore: u8,
    /// 0.
    pub padding: [u8; 3],
    /// The engines.
    pub entries: [NV2080_CTRL_FIFO_DEVICE_ENTRY; DEVICE_TABLE_ENTRIES],
}

impl NV2080_CTRL_FIFO_DEVICE_ENTRY {
    /// Which engine it is.
    pub fn engine_type(&self) -> RmEngineType {
        RmEngineType(self.engineData[engine_data::RM_ENGINE_TYPE].get())
    }

    /// Its runlist.
    pub fn runlist(&self) -> u32 {
        self.engineData[engine_data::RUNLIST].get()
    }

    /// Its name.
    pub fn name(&self) -> Result<&str, FormatError> {
        printable("engineName", until_nul(&self.engineName))
    }
}

impl NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS {
    /// An answer without engines.
    pub fn zeroed() -> Self {
        Self::new_zeroed()
    }

    /// Reads an answer.
    pub fn decode(params: &[u8]) -> Result<&Self, FormatError> {
        let table: &Self = structure(params, "table of engines", 0u64)?;
        if table.numEntries.get() as usize > DEVICE_TABLE_ENTRIES {
            return Err(FormatError::value(
                "numEntries",
                table.numEntries,
                "32 at most",
            ));
        }
        Ok(table)
    }

    /// The engines.
    pub fn engines(&self) -> &[NV2080_CTRL_FIFO_DEVICE_ENTRY] {
        let count = self.numEntries.get() as usize;
        &self.entries[..count.min(DEVICE_TABLE_ENTRIES)]
    }
}

/// Interrupts of an engine.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_ENTRY {
    /// An `MC_ENGINE_IDX`.
    pub engineIdx: U16,
    /// 0.
    pub padding: U16,
    /// A mask of an older tree.
    pub pmcIntrMask: U32,
    /// The vector that stops the engine until it is handled; [`NO_VECTOR`] for none.
    pub vectorStall: U32,
    /// The vector of notifications; [`NO_VECTOR`] for none.
    pub vectorNonStall: U32,
}

/// There is no vector.
pub const NO_VECTOR: u32 = u32::MAX;
/// Most entries of a table.
pub const INTR_TABLE_ENTRIES: usize = 128;

/// `NV2080_INTERNAL_INTR_GET_KERNEL_TABLE`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS {
    /// How many entries follow.
    pub tableLen: U32,
    /// The interrupts.
    pub table: [NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_ENTRY; INTR_TABLE_ENTRIES],
    /// First and last subtree of each category.
    pub subtreeMap: [[u8; 2]; 7],
    /// 0.
    pub padding: [u8; 2],
}

impl NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS {
    /// An answer without interrupts.
    pub fn zeroed() -> Self {
        Self::new_zeroed()
    }

    /// Reads an answer.
    pub fn decode(params: &[u8]) -> Result<&Self, FormatError> {
        let table: &Self = structure(params, "table of interrupts", 0u64)?;
        if table.tableLen.get() as usize > INTR_TABLE_ENTRIES {
            return Err(FormatError::value(
                "tableLen",
                table.tableLen,
                "128 at most",
            ));
        }
        Ok(table)
    }

    /// The interrupts.
    pub fn entries(&self) -> &[NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_ENTRY] {
        let count = self.tableLen.get() as usize;
        &self.table[..count.min(INTR_TABLE_ENTRIES)]
    }
}

/// `NV2080_CE_GET_FAULT_METHOD_BUFFER_SIZE`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_CE_GET_FAULT_METHOD_BUFFER_SIZE_PARAMS {
    /// Bytes.
    pub size: U32,
}

/// Most falcons of an answer.
pub const MAX_CONSTRUCTED_FALCONS: usize = 0x40;

/// A falcon whose contexts have a buffer.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV2080_CTRL_GPU_CONSTRUCTED_FALCON_INFO {
    /// As [`engine_data::ENG_DESC`].
    pub engDesc: U32,
    pub ctxAttr: U32,
    pub ctxBufferSize: U32,
    pub addrSpaceList: U32,
    pub registerBase: U32,
}

/// `NV2080_GPU_GET_CONSTRUCTED_FALCON_INFO`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_GPU_GET_CONSTRUCTED_FALCON_INFO_PARAMS {
    /// How many follow.
    pub numConstructedFalcons: U32,
    /// The falcons.
    pub constructedFalconsTable: [NV2080_CTRL_GPU_CONSTRUCTED_FALCON_INFO; MAX_CONSTRUCTED_FALCONS],
}

/// `NV2080_GPU_GET_FERMI_GPC_INFO`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_GPU_GET_FERMI_GPC_INFO_PARAMS {
    /// A bit a GPC.
    pub gpcMask: U32,
}

/// `NV2080_GPU_GET_FERMI_TPC_INFO`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV2080_CTRL_GPU_GET_FERMI_TPC_INFO_PARAMS {
    /// Which GPC.
    pub gpcId: U32,
    /// A bit a TPC of it.
    pub tpcMask: U32,
}

const _: () = {
    assert!(size_of::<NV2080_CTRL_GPU_GET_CONSTRUCTED_FALCON_INFO_PARAMS>() == 0x504);
    assert!(size_of::<NV2080_CTRL_GPU_GET_FERMI_TPC_INFO_PARAMS>() == 8);
    assert!(size_of::<NV2080_CTRL_FIFO_DEVICE_ENTRY>() == 100);
    assert!(size_of::<NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS>() == 3212);
    assert!(size_of::<NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_ENTRY>() == 16);
    assert!(size_of::<NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS>() == 0x814);
};
