// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Controls, and the parameters of those about address spaces, channels and events. Follows the
//! `ctrl/ctrl*.h` headers of open-gpu-kernel-modules 570.144.
#![allow(non_snake_case, non_camel_case_types)] // NVIDIA's names

use zerocopy::{
    little_endian::{U16, U32, U64},
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use crate::numbers::named_numbers;

named_numbers! {
    /// A control. Displays as its name without `CTRL_CMD`.
    Control, "control";
    /// Gives an address space its page directory.
    NV0080_DMA_SET_PAGE_DIRECTORY = 0x801813;
    /// Takes it away.
    NV0080_DMA_UNSET_PAGE_DIRECTORY = 0x801814;
    /// Which GPCs there are.
    NV2080_GPU_GET_FERMI_GPC_INFO = 0x20800137;
    /// Which TPCs a GPC has.
    NV2080_GPU_GET_FERMI_TPC_INFO = 0x20800138;
    /// Which falcons RM has made objects for.
    NV2080_GPU_GET_CONSTRUCTED_FALCON_INFO = 0x208001b0;
    /// Turns an event on or off.
    NV2080_EVENT_SET_NOTIFICATION = 0x20800301;
    /// Properties of the memory system.
    NV2080_INTERNAL_MEMSYS_GET_STATIC_CONFIG = 0x20800a1c;
    /// Sizes of graphics contexts.
    NV2080_INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO = 0x20800a32;
    /// Interrupt vectors of engines.
    NV2080_INTERNAL_INTR_GET_KERNEL_TABLE = 0x20800a5c;
    /// Stops channels, or lets them run again.
    NV2080_FIFO_DISABLE_CHANNELS = 0x2080110b;
    /// Engines and their runlists.
    NV2080_FIFO_GET_DEVICE_INFO_TABLE = 0x20801112;
    /// What a copy engine can do.
    NV2080_CE_GET_CAPS_V2 = 0x20802a03;
    /// Bytes of the buffer for methods that fault.
    NV2080_CE_GET_FAULT_METHOD_BUFFER_SIZE = 0x20802a08;
    /// Gives RM page directories for its part of an address space.
    NV90F1_VASPACE_COPY_SERVER_RESERVED_PDES = 0x90f10106;
    /// Schedules a channel group.
    NVA06C_GPFIFO_SCHEDULE = 0xa06c0101;
    /// Binds a channel group to an engine.
    NVA06C_BIND = 0xa06c0102;
    /// Sets how long a channel group runs at a time.
    NVA06C_SET_TIMESLICE = 0xa06c0103;
    /// Tells how long a channel group runs at a time.
    NVA06C_GET_TIMESLICE = 0xa06c0104;
    /// Takes a channel group off its engine.
    NVA06C_PREEMPT = 0xa06c0105;
    /// Sets how often a channel group is in its runlist.
    NVA06C_SET_INTERLEAVE_LEVEL = 0xa06c0107;
    /// Tells how often a channel group is in its runlist.
    NVA06C_GET_INTERLEAVE_LEVEL = 0xa06c0108;
    /// Schedules a channel.
    NVA06F_GPFIFO_SCHEDULE = 0xa06f0103;
    /// Binds a channel to an engine.
    NVA06F_BIND = 0xa06f0104;
    /// Sets how often a channel without a group is in its runlist.
    NVA06F_SET_INTERLEAVE_LEVEL = 0xa06f0109;
    /// Takes a channel off its runlist.
    NVA06F_STOP_CHANNEL = 0xa06f0112;
    /// What is written to the doorbell.
    NVC36F_GPFIFO_GET_WORK_SUBMIT_TOKEN = 0xc36f0108;
}

/// [`Control::NV0080_DMA_SET_PAGE_DIRECTORY`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS {
    /// Address of the root page directory.
    pub physAddress: U64,
    /// Its entries.
    pub numEntries: U32,
    /// `SET_PAGE_DIRECTORY_FLAGS_*`.
    pub flags: U32,
    /// The address space.
    pub hVASpace: U32,
    /// The channel, when it is for one only.
    pub chId: U32,
    /// Subdevice and one; 0 for all.
    pub subDeviceId: U32,
    /// 0xffff_ffff: none.
    pub pasid: U32,
}

/// The page directory is in VRAM.
pub const SET_PAGE_DIRECTORY_FLAGS_APERTURE_VIDMEM: u32 = 0;
/// The page directory is in system memory, snooped.
pub const SET_PAGE_DIRECTORY_FLAGS_APERTURE_SYSMEM_COH: u32 = 1;
/// It is for every channel of the address space.
pub const SET_PAGE_DIRECTORY_FLAGS_ALL_CHANNELS: u32 = 1 << 3;

/// [`Control::NV0080_DMA_UNSET_PAGE_DIRECTORY`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NV0080_CTRL_DMA_UNSET_PAGE_DIRECTORY_PARAMS {
    /// The address space.
    pub hVASpace: U32,
    /// Subdevice and one; 0 for all.
    pub subDeviceId: U32,
}

/// A level of [`NV90F1_CTRL_VASPACE_COPY_SERVER_RESERVED_PDES_PARAMS`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct ReservedPdesLevel {
    pub physAddress: U64,
    pub size: U64,
    pub aperture: U32,
    /// The level maps this power of two of bytes with each entry.
    pub pageShift: u8,
    pub padding: [u8; 3],
}

/// [`Control::NV90F1_VASPACE_COPY_SERVER_RESERVED_PDES`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV90F1_CTRL_VASPACE_COPY_SERVER_RESERVED_PDES_PARAMS {
    pub hSubDevice: U32,
    pub subDeviceId: U32,
    pub pageSize: U64,
    pub virtAddrLo: U64,
    pub virtAddrHi: U64,
    pub numLevelsToCopy: U32,
    pub padding: U32,
    pub levels: [ReservedPdesLevel; 6],
}

/// [`Control::NVA06F_GPFIFO_SCHEDULE`] and [`Control::NVA06C_GPFIFO_SCHEDULE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct GpfifoScheduleParams {
    /// 1 schedules, 0 stops.
    pub bEnable: u8,
    /// 0.
    pub bSkipSubmit: u8,
}

/// [`Control::NVA06C_PREEMPT`]. The group may run again at once, unless it is not scheduled.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct NVA06C_CTRL_PREEMPT_PARAMS {
    /// 1: the answer comes when the group is off the engine, or it is too late for that.
    pub bWait: u8,
    /// 1: `timeoutUs` is how long RM waits, and not a time of its own.
    pub bManualTimeout: u8,
    /// 0.
    pub padding: [u8; 2],
    /// Microseconds, [`PREEMPT_MAX_MANUAL_TIMEOUT_US`] at most.
    pub timeoutUs: U32,
}

/// The longest that RM waits for a group.
pub const PREEMPT_MAX_MANUAL_TIMEOUT_US: u32 = 1_000_000;

/// [`Control::NVA06F_BIND`] and [`Control::NVA06C_BIND`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BindParams {
    /// An `NV2080_ENGINE_TYPE`.
    pub engineType: U32,
}

/// [`Control::NVC36F_GPFIFO_GET_WORK_SUBMIT_TOKEN`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct WorkSubmitTokenParams {
    /// What is written to the doorbell.
    pub workSubmitToken: U32,
}

/// [`Control::NV2080_EVENT_SET_NOTIFICATION`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NV2080_CTRL_EVENT_SET_NOTIFICATION_PARAMS {
    pub event: U32,
    /// 0 off, 1 once, 2 always.
    pub action: U32,
    pub bNotifyState: u8,
    pub padding0: [u8; 3],
    pub info32: U32,
    pub info16: U16,
    pub padding1: [u8; 2],
}

const _: () = {
    assert!(size_of::<NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS>() == 32);
    assert!(size_of::<NV0080_CTRL_DMA_UNSET_PAGE_DIRECTORY_PARAMS>() == 8);
    assert!(size_of::<NV90F1_CTRL_VASPACE_COPY_SERVER_RESERVED_PDES_PARAMS>() == 184);
    assert!(size_of::<GpfifoScheduleParams>() == 2);
    assert!(size_of::<NVA06C_CTRL_PREEMPT_PARAMS>() == 8);
    assert!(size_of::<NV2080_CTRL_EVENT_SET_NOTIFICATION_PARAMS>() == 20);
};
