// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `GET_GSP_STATIC_INFO`: what RM tells about the GPU. The request is as long as the answer,
//! and zero. Follows `GspStaticConfigInfo` of open-gpu-kernel-modules, of which the part that
//! has a reader has names.
#![allow(non_snake_case)] // NVIDIA's names

use core::ops::Range;

use zerocopy::{
    little_endian::{U16, U32, U64},
    FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
};

use crate::{
    bytes::{printable, structure, until_nul},
    error::FormatError,
    rm::engine::RmEngineType,
};

/// `NV2080_CTRL_CMD_FB_GET_FB_REGION_FB_REGION_INFO`: a region of VRAM.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FbRegion {
    /// First byte.
    pub base: U64,
    /// Last byte.
    pub limit: U64,
    /// Bytes that RM keeps for itself; 0 for a region that others may use.
    pub reserved: U64,
    /// The larger the faster.
    pub performance: U32,
    /// Compressed memory may be here.
    pub supportCompressed: u8,
    /// Surfaces of the display may be here.
    pub supportISO: u8,
    /// Only protected engines reach it.
    pub bProtected: u8,
    /// Kinds of memory that must not be here.
    pub blackList: [u8; 17],
}

/// `engineCaps` in `caps`: three words, a bit an engine.
const ENGINE_CAPS: Range<usize> = 0x54..0x60;

/// Most regions.
pub const MAX_FB_REGIONS: usize = 16;

/// `GspStaticConfigInfo`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
#[allow(missing_docs)] // NVIDIA's names
pub struct GspStaticConfigInfo {
    /// Capabilities of graphics, GID, SKU.
    pub head: [u8; 0x158],
    pub numFBRegions: U32,
    pub padding0: U32,
    pub fbRegion: [FbRegion; MAX_FB_REGIONS],
    /// Virtual functions, engines, poison.
    pub caps: [u8; 0x68],
    pub fb_length: U64,
    pub fbio_mask: U64,
    pub fb_bus_width: U32,
    pub fb_ram_type: U32,
    pub fbp_mask: U64,
    pub l2_cache_size: U32,
    /// ASCII with a NUL.
    pub gpuNameString: [u8; 64],
    /// ASCII with a NUL.
    pub gpuShortNameString: [u8; 64],
    pub gpuNameString_Unicode: [U16; 64],
    /// What kind of board it is, and which power states.
    pub board: [u8; 20],
    /// Where the root page directory of BAR1 is in VRAM.
    pub bar1PdeBase: U64,
    /// Where the root page directory of BAR2 is in VRAM.
    pub bar2PdeBase: U64,
    /// VBIOS ids, page retirement, displays without heads.
    pub vbios: [u8; 0x30],
    /// RM's own client, for controls that a driver sends as RM.
    pub hInternalClient: U32,
    pub hInternalDevice: U32,
    pub hInternalSubdevice: U32,
    /// Self-hosting, ATS, UEFI, chip ids.
    pub tail: [u8; 0x1c],
    /// Layout of the WPR as the booter chose it, on chips where it does.
    pub fwWprLayoutOffset: [U64; 2],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<GspStaticConfigInfo>() == GspStaticConfigInfo::SIZE);
    assert!(size_of::<FbRegion>() == 48);
    assert!(offset_of!(GspStaticConfigInfo, gpuNameString) == 0x4ec);
    assert!(offset_of!(GspStaticConfigInfo, bar1PdeBase) == 0x600);
    assert!(offset_of!(GspStaticConfigInfo, hInternalClient) == 0x640);
    assert!(offset_of!(GspStaticConfigInfo, fwWprLayoutOffset) == 0x668);
};

impl GspStaticConfigInfo {
    /// Bytes.
    pub const SIZE: usize = 1656;

    /// An answer with nothing in it, and the request.
    pub fn zeroed() -> Self {
        Self::new_zeroed()
    }

    /// Reads an answer. One that is longer is taken: a later firmware may have more to say.
    pub fn decode(payload: &[u8]) -> Result<&Self, FormatError> {
        let info: &Self = structure(payload, "GspStaticConfigInfo", 0u64)?;
        if info.numFBRegions.get() as usize > MAX_FB_REGIONS {
            return Err(FormatError::value(
                "numFBRegions",
                info.numFBRegions,
                "16 at most",
            ));
        }
        for region in info.regions() {
            if region.base.get() > region.limit.get() || region.limit.get() == u64::MAX {
                let expected = "at least the base, and below 2^64 - 1";
                return Err(FormatError::value("fbRegion limit", region.limit, expected));
            }
        }
        Ok(info)
    }

    /// The regions that there are.
    pub fn regions(&self) -> &[FbRegion] {
        let count = self.numFBRegions.get() as usize;
        &self.fbRegion[..count.min(MAX_FB_REGIONS)]
    }

    /// The regions that a driver may use: not reserved, not protected, for everything.
    pub fn usable_regions(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        let usable = self.regions().iter().filter(|region| {
            region.reserved.get() == 0
                && region.bProtected == 0
                && region.supportCompressed != 0
                && region.supportISO != 0
        });
        // `decode` has checked the limit; for an answer under construction this saturates.
        usable.map(|region| region.base.get()..region.limit.get().saturating_add(1))
    }

    /// Which engines there are, in ascending order.
    pub fn engines(&self) -> impl Iterator<Item = RmEngineType> + '_ {
        let caps = &self.caps[ENGINE_CAPS];
        let is_set = move |number: u32| {
            let byte = caps.get(number as usize / 8).copied().unwrap_or(0);
            byte >> (number % 8) & 1 != 0
        };
        (0..RmEngineType::LAST)
            .filter(move |&number| is_set(number))
            .map(RmEngineType)
    }

    /// Adds an engine; `false` for one that there is no place for.
    pub fn add_engine(&mut self, engine: RmEngineType) -> bool {
        let place = self.caps[ENGINE_CAPS].get_mut(engine.0 as usize / 8);
        let place = place.filter(|_| engine.0 < RmEngineType::LAST);
        if let Some(byte) = place {
            *byte |= 1 << (engine.0 % 8);
            return true;
        }
        false
    }

    /// The GPU's name.
    pub fn gpu_name(&self) -> Result<&str, FormatError> {
        printable("gpuNameString", until_nul(&self.gpuNameString))
    }

    /// Sets the GPU's name, of which 63 letters are kept.
    pub fn set_gpu_name(&mut self, name: &str) {
        self.gpuNameString = [0; 64];
        self.gpuShortNameString = [0; 64];
        self.gpuNameString_Unicode = [U16::ZERO; 64];
        for (at, letter) in name.bytes().take(63).enumerate() {
            self.gpuNameString[at] = letter;
            self.gpuShortNameString[at] = letter;
            self.gpuNameString_Unicode[at] = u16::from(letter).into();
        }
    }

    /// Adds a region; `false` when there is no room for one more or it is empty.
    pub fn add_region(&mut self, range: Range<u64>, usable: bool) -> bool {
        let index = self.numFBRegions.get();
        let Some(region) = self.fbRegion.get_mut(index as usize) else {
            return false;
        };
        if range.is_empty() {
            return false;
        }
        let size = range.end - range.start;
        region.base = range.start.into();
        region.limit = (range.end - 1).into();
        region.reserved = if usable { 0 } else { size }.into();
        region.supportCompressed = usable.into();
        region.supportISO = usable.into();
        region.bProtected = (!usable).into();
        self.numFBRegions = (index + 1).into();
        true
    }
}
