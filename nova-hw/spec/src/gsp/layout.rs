// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where things go in VRAM, from its end downwards: VGA workspace, FRTS, bootloader, GSP-RM's
//! image, GSP's heap (all of WPR2 but the first), and a heap outside of WPR2.
//!
//! Follows `kgspCalculateFbLayout_TU102` of open-gpu-kernel-modules and nova-core's `fb.rs`.
//! Each step is checked: a card with little memory is an error, and no wrap.

use core::ops::Range;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Bytes of FRTS.
pub const FRTS_SIZE: u64 = MIB;
/// Bytes of the heap below WPR2.
pub const NON_WPR_HEAP_SIZE: u64 = MIB;
/// What the top of VRAM has for VGA when nothing else is said.
pub const VGA_WORKSPACE_DEFAULT: u64 = MIB;
/// Bytes of the VBIOS's own workspace.
pub const VBIOS_WORKSPACE_SIZE: u64 = 128 * KIB;

/// Parts of GSP's heap: `GSP_FW_HEAP_PARAM_*` for the chips whose GSP has libos 3.
mod heap {
    use super::{KIB, MIB};

    pub(super) const OS_SIZE: u64 = 22 * MIB;
    pub(super) const BASE_RM_SIZE: u64 = 8 * MIB;
    /// 2048 channels of 48 KiB.
    pub(super) const CLIENT_ALLOC_SIZE: u64 = 96 * MIB;
    pub(super) const SIZE_PER_GB_FB: u64 = 96 * KIB;
    pub(super) const MIN: u64 = 88 * MIB;
    pub(super) const MAX: u64 = 280 * MIB - 1;
}

/// What the layout depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutInput {
    /// Usable bytes of VRAM.
    pub fb_size: u64,
    /// Where the VGA workspace is, on a chip with display when its register says so.
    pub vga_workspace: Option<u64>,
    /// Bytes of the bootloader's image.
    pub bootloader_size: u64,
    /// Bytes of GSP-RM's image.
    pub image_size: u64,
}

/// Something does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "VRAM of {fb_size:#x} bytes is too small: no room for {region} ({size:#x} bytes) below {below:#x}"
)]
pub struct LayoutError {
    /// Which.
    pub region: &'static str,
    /// Its bytes.
    pub size: u64,
    /// Where it had to end.
    pub below: u64,
    /// Usable bytes of VRAM.
    pub fb_size: u64,
}

/// Ranges of addresses in VRAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FbLayout {
    /// All of it.
    pub fb: Range<u64>,
    /// For VGA.
    pub vga_workspace: Range<u64>,
    /// What FWSEC makes: the end of WPR2.
    pub frts: Range<u64>,
    /// The bootloader.
    pub boot: Range<u64>,
    /// GSP-RM's image.
    pub elf: Range<u64>,
    /// GSP's heap.
    pub wpr2_heap: Range<u64>,
    /// The write-protected region: heap, image, bootloader, FRTS.
    pub wpr2: Range<u64>,
    /// A heap outside.
    pub non_wpr_heap: Range<u64>,
}

impl FbLayout {
    /// Computes it.
    pub fn new(input: &LayoutInput) -> Result<Self, LayoutError> {
        let fb_size = input.fb_size;
        let down = |region, from: u64, size: u64, align: u64| {
            let start = from.checked_sub(size).map(|start| align_down(start, align));
            start.ok_or(LayoutError {
                region,
                size,
                below: from,
                fb_size,
            })
        };
        let default = down("the VGA workspace", fb_size, VGA_WORKSPACE_DEFAULT, 1)?;
        let vga = match input.vga_workspace {
            None => default,
            // Too low to be right: take the VBIOS's place.
            Some(address) if address < default => fb_size - VBIOS_WORKSPACE_SIZE,
            Some(address) => address.min(fb_size),
        };
        let frts_end = align_down(vga, 128 * KIB);
        let frts = down("FRTS", frts_end, FRTS_SIZE, 1)?;
        let boot = down("the bootloader", frts, input.bootloader_size, 4 * KIB)?;
        let elf = down("GSP-RM's image", boot, input.image_size, 64 * KIB)?;
        let heap = down("GSP's heap", elf, heap_size(fb_size), MIB)?;
        // The metadata is in front of the heap.
        let meta = super::wpr::GspFwWprMeta::SIZE as u64;
        let wpr2 = down("the WPR metadata", heap, meta, MIB)?;
        let non_wpr_heap = down("the heap outside of WPR2", wpr2, NON_WPR_HEAP_SIZE, 1)?;
        Ok(Self {
            fb: 0..fb_size,
            vga_workspace: vga..fb_size,
            frts: frts..frts_end,
            boot: boot..boot + input.bootloader_size,
            elf: elf..elf + input.image_size,
            wpr2_heap: heap..align_down(elf, MIB),
            wpr2: wpr2..frts_end,
            non_wpr_heap: non_wpr_heap..wpr2,
        })
    }
}

/// Bytes of GSP's heap for that much VRAM, without virtual functions.
pub fn heap_size(fb_size: u64) -> u64 {
    // 2^64 bytes are 2^34 GiB, so nothing here overflows.
    let per_gb = heap::SIZE_PER_GB_FB * fb_size.div_ceil(GIB);
    let overhead = per_gb.next_multiple_of(MIB);
    let size = heap::OS_SIZE + heap::BASE_RM_SIZE + heap::CLIENT_ALLOC_SIZE + overhead;
    size.clamp(heap::MIN, heap::MAX)
}

/// `align` is a power of two.
fn align_down(address: u64, align: u64) -> u64 {
    address & !(align - 1)
}
