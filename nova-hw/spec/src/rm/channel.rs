// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a channel is made with. Follows `alloc/alloc_channel.h` and `nvos.h` of
//! open-gpu-kernel-modules 570.144.
//!
//! Two flags decide whether a channel is safe to give away: a copy in physical mode goes around
//! the page tables, and privileged methods reach beyond the channel. Both are denied by
//! [`ChannelFlags::unprivileged`].
#![allow(non_snake_case, non_camel_case_types)] // NVIDIA's names

use arbitrary_int::{u2, u3, u9};
use bitbybit::{bitenum, bitfield};
use zerocopy::{
    little_endian::{U32, U64},
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
};

/// Where something of a channel is.
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
pub struct NV_MEMORY_DESC_PARAMS {
    /// Address: in VRAM or on the bus.
    pub base: U64,
    /// Bytes.
    pub size: U64,
    /// [`ADDR_SYSMEM`] or [`ADDR_FBMEM`].
    pub addressSpace: U32,
    /// 0 for cached, 1 for not.
    pub cacheAttrib: U32,
}

/// System memory.
pub const ADDR_SYSMEM: u32 = 1;
/// VRAM.
pub const ADDR_FBMEM: u32 = 2;
/// Channels whose USERDs share a page in RM's numbering.
pub const CHANNELS_PER_USERD_PAGE: u32 = 8;

/// `NVOS04_FLAGS_*`.
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct ChannelFlags {
    /// Which of an engine's run queues.
    #[bit(4, rw)]
    group_channel_runqueue: bool,
    /// Privileged methods are allowed.
    #[bit(5, rw)]
    privileged_channel: bool,
    /// Copies in physical mode are an error.
    #[bit(7, rw)]
    channel_deny_physical_mode_ce: bool,
    /// Channel within its page of USERDs.
    #[bits(8..=10, rw)]
    channel_userd_index_value: u3,
    /// Page of USERDs.
    #[bits(12..=20, rw)]
    channel_userd_index_page_value: u9,
    /// Index and page are wanted, and no others will do.
    #[bit(21, rw)]
    channel_userd_index_page_fixed: bool,
    /// Privileged methods are an error.
    #[bit(22, rw)]
    channel_deny_auth_level_priv: bool,
}

impl ChannelFlags {
    /// A channel that may be given away, with that id; `None` when ids do not go so far.
    pub fn unprivileged(chid: u32) -> Option<Self> {
        let denied = Self::DEFAULT
            .with_channel_deny_physical_mode_ce(true)
            .with_channel_deny_auth_level_priv(true);
        denied.with_chid(chid)
    }

    /// A channel of the owner of all memory, with that id.
    pub fn privileged(chid: u32) -> Option<Self> {
        Self::DEFAULT.with_privileged_channel(true).with_chid(chid)
    }

    /// Asks for an id.
    pub fn with_chid(self, chid: u32) -> Option<Self> {
        let page = u9::try_new(u16::try_from(chid / CHANNELS_PER_USERD_PAGE).ok()?).ok()?;
        let index = u3::new((chid % CHANNELS_PER_USERD_PAGE) as u8);
        let flags = self.with_channel_userd_index_value(index);
        let flags = flags.with_channel_userd_index_page_value(page);
        Some(flags.with_channel_userd_index_page_fixed(true))
    }

    /// The id asked for, if one is.
    pub fn chid(self) -> Option<u32> {
        let page = u32::from(self.channel_userd_index_page_value().value());
        let index = u32::from(self.channel_userd_index_value().value());
        self.channel_userd_index_page_fixed()
            .then_some(page * CHANNELS_PER_USERD_PAGE + index)
    }
}

/// Who owns a channel.
#[bitenum(u2, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum ChannelPrivilege {
    /// Anybody.
    USER = 0,
    /// An administrator.
    ADMIN = 1,
    /// The kernel.
    KERNEL = 2,
}

/// `NV_KERNELCHANNEL_ALLOC_INTERNALFLAGS_*`.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct ChannelInternalFlags {
    /// Who owns it.
    #[bits(0..=1, rw)]
    privilege: Option<ChannelPrivilege>,
    /// Where errors are noted: [`ERROR_NOTIFIER_TYPE_NONE`], [`ERROR_NOTIFIER_TYPE_MEMORY`].
    #[bits(2..=3, rw)]
    error_notifier_type: u2,
    /// Where errors of ECC are noted.
    #[bits(4..=5, rw)]
    ecc_error_notifier_type: u2,
}

/// Nowhere.
pub const ERROR_NOTIFIER_TYPE_NONE: u2 = u2::new(1);
/// In memory.
pub const ERROR_NOTIFIER_TYPE_MEMORY: u2 = u2::new(3);

/// `NV_CHANNEL_ALLOC_PARAMS`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)] // what has no description is 0
pub struct NV_CHANNEL_ALLOC_PARAMS {
    pub hObjectError: U32,
    pub hObjectBuffer: U32,
    /// Virtual address of the ring of entries.
    pub gpFifoOffset: U64,
    /// Entries of it, a power of two.
    pub gpFifoEntries: U32,
    /// [`ChannelFlags`].
    pub flags: U32,
    pub hContextShare: U32,
    /// The address space.
    pub hVASpace: U32,
    pub hUserdMemory: [U32; 8],
    pub userdOffset: [U64; 8],
    /// An `NV2080_ENGINE_TYPE`.
    pub engineType: U32,
    pub cid: U32,
    pub subDeviceId: U32,
    pub hObjectEccError: U32,
    /// The instance block.
    pub instanceMem: NV_MEMORY_DESC_PARAMS,
    /// USERD.
    pub userdMem: NV_MEMORY_DESC_PARAMS,
    /// RAMFC: the first 0x200 bytes of the instance block.
    pub ramfcMem: NV_MEMORY_DESC_PARAMS,
    /// The buffer for methods that fault.
    pub mthdbufMem: NV_MEMORY_DESC_PARAMS,
    pub hPhysChannelGroup: U32,
    /// [`ChannelInternalFlags`].
    pub internalFlags: U32,
    pub errorNotifierMem: NV_MEMORY_DESC_PARAMS,
    pub eccErrorNotifierMem: NV_MEMORY_DESC_PARAMS,
    pub ProcessID: U32,
    pub SubProcessID: U32,
    /// Keys of confidential computing, and a TPC configuration.
    pub reserved: [u8; 0x40],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<NV_CHANNEL_ALLOC_PARAMS>() == 368);
    assert!(offset_of!(NV_CHANNEL_ALLOC_PARAMS, engineType) == 0x80);
    assert!(offset_of!(NV_CHANNEL_ALLOC_PARAMS, instanceMem) == 0x90);
    assert!(offset_of!(NV_CHANNEL_ALLOC_PARAMS, internalFlags) == 0xf4);
};
