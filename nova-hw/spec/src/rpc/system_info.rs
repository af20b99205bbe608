// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `GSP_SET_SYSTEM_INFO`: what RM is told about the system. Follows `gsp_static_config.h` of
//! open-gpu-kernel-modules.
#![allow(non_snake_case)] // NVIDIA's names

use zerocopy::{
    little_endian::{U32, U64},
    FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use crate::{bytes::structure, error::FormatError, regs::PCFG};

/// `GspSystemInfo`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)] // NVIDIA's names; what is not described stays 0 here
pub struct GspSystemInfo {
    /// Bus address of BAR0.
    pub gpuPhysAddr: U64,
    /// Bus address of BAR1.
    pub gpuPhysFbAddr: U64,
    /// Bus address of BAR3.
    pub gpuPhysInstAddr: U64,
    pub gpuPhysIoAddr: U64,
    /// Bus in bits 15:8, device and function below.
    pub nvDomainBusDeviceFunc: U64,
    pub simAccessBufPhysAddr: U64,
    pub notifyOpSharedSurfacePhysAddr: U64,
    pub pcieAtomicsOpMask: U64,
    pub consoleMemSize: U64,
    /// Last virtual address that a program may have.
    pub maxUserVa: U64,
    /// Where configuration space is in BAR0.
    pub pciConfigMirrorBase: U32,
    /// Bytes of it.
    pub pciConfigMirrorSize: U32,
    /// Device id above vendor id.
    pub PCIDeviceID: U32,
    /// Subsystem id above subsystem vendor id.
    pub PCISubDeviceID: U32,
    pub PCIRevisionID: U32,
    pub pcieAtomicsCplDeviceCapMask: U32,
    /// Chipset, bridges, ACPI methods, virtual functions: unknown to a process.
    pub rest: [u8; 0x330],
    pub hostPageSize: U64,
}

const _: () = assert!(size_of::<GspSystemInfo>() == GspSystemInfo::SIZE);

/// What there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemInfo {
    /// Bus address of BAR0.
    pub bar0: u64,
    /// Bus address of BAR1.
    pub bar1: u64,
    /// Bus address of BAR3; 0 when there is none.
    pub bar3: u64,
    /// Bus, device and function: `bus << 8 | device << 3 | function`.
    pub bdf: u16,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Subsystem vendor id.
    pub subsystem_vendor: u16,
    /// Subsystem id.
    pub subsystem_device: u16,
    /// Revision id.
    pub revision: u8,
}

impl GspSystemInfo {
    /// Bytes.
    pub const SIZE: usize = 928;
    /// The last page below 2^47 stays free.
    pub const MAX_USER_VA: u64 = (1 << 47) - 4096;

    /// The payload.
    pub fn new(info: &SystemInfo) -> Self {
        let pair = |high: u16, low: u16| U32::new(u32::from(high) << 16 | u32::from(low));
        Self {
            gpuPhysAddr: info.bar0.into(),
            gpuPhysFbAddr: info.bar1.into(),
            gpuPhysInstAddr: info.bar3.into(),
            nvDomainBusDeviceFunc: u64::from(info.bdf).into(),
            maxUserVa: Self::MAX_USER_VA.into(),
            pciConfigMirrorBase: PCFG.start.into(),
            pciConfigMirrorSize: PCFG.len.into(),
            PCIDeviceID: pair(info.device, info.vendor),
            PCISubDeviceID: pair(info.subsystem_device, info.subsystem_vendor),
            PCIRevisionID: u32::from(info.revision).into(),
            ..Self::new_zeroed()
        }
    }

    /// Reads a payload.
    pub fn decode(payload: &[u8]) -> Result<&Self, FormatError> {
        structure(payload, "GspSystemInfo", 0u64)
    }
}
