// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Methods of the copy engine, which are the same from Turing to Blackwell as far as they are
//! here. Follows open-gpu-doc's `clc7b5.h`.
#![allow(non_camel_case_types)] // its names

use arbitrary_int::{u2, u3, u4};
use bitbybit::{bitenum, bitfield};

/// Methods.
pub mod method {
    #![allow(missing_docs)] // open-gpu-doc's names
    pub const NOP: u32 = 0x100;
    pub const PM_TRIGGER: u32 = 0x140;
    pub const SET_SEMAPHORE_A: u32 = 0x240;
    pub const SET_SEMAPHORE_B: u32 = 0x244;
    pub const SET_SEMAPHORE_PAYLOAD: u32 = 0x248;
    pub const SET_SEMAPHORE_PAYLOAD_UPPER: u32 = 0x24c;
    /// Address of a condition, and whether it is asked: see [`render_enable`](super::render_enable).
    pub const SET_RENDER_ENABLE_A: u32 = 0x254;
    pub const SET_RENDER_ENABLE_B: u32 = 0x258;
    pub const SET_RENDER_ENABLE_C: u32 = 0x25c;
    pub const SET_SRC_PHYS_MODE: u32 = 0x260;
    pub const SET_DST_PHYS_MODE: u32 = 0x264;
    /// A [`LaunchDma`](super::LaunchDma).
    pub const LAUNCH_DMA: u32 = 0x300;
    pub const OFFSET_IN_UPPER: u32 = 0x400;
    pub const OFFSET_IN_LOWER: u32 = 0x404;
    pub const OFFSET_OUT_UPPER: u32 = 0x408;
    pub const OFFSET_OUT_LOWER: u32 = 0x40c;
    pub const PITCH_IN: u32 = 0x410;
    pub const PITCH_OUT: u32 = 0x414;
    pub const LINE_LENGTH_IN: u32 = 0x418;
    pub const LINE_COUNT: u32 = 0x41c;
    pub const SET_REMAP_CONST_A: u32 = 0x700;
    pub const SET_REMAP_CONST_B: u32 = 0x704;
    /// A [`RemapComponents`](super::RemapComponents).
    pub const SET_REMAP_COMPONENTS: u32 = 0x708;
    /// From here on to [`SRC_ORIGIN_Y`] is the geometry of memory in blocks.
    pub const SET_DST_BLOCK_SIZE: u32 = 0x70c;
    pub const SRC_ORIGIN_Y: u32 = 0x744;
    pub const PM_TRIGGER_END: u32 = 0x1114;
}

/// Modes of [`method::SET_RENDER_ENABLE_C`]. Those above depend on memory.
pub mod render_enable {
    /// Copies do not happen.
    pub const FALSE: u32 = 0;
    /// They do.
    pub const TRUE: u32 = 1;
}

/// Memories of [`method::SET_SRC_PHYS_MODE`] and of the destination's.
pub mod phys_mode {
    /// VRAM.
    pub const LOCAL_FB: u32 = 0;
    /// System memory, snooped.
    pub const COHERENT_SYSMEM: u32 = 1;
    /// System memory, not snooped.
    pub const NONCOHERENT_SYSMEM: u32 = 2;
    /// Another GPU's VRAM.
    pub const PEERMEM: u32 = 3;
}

/// Whether there is a copy.
#[bitenum(u2, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum DataTransferType {
    /// Only the semaphore.
    NONE = 0,
    /// It may start before the one in front of it has ended.
    PIPELINED = 1,
    /// It starts when the one in front of it has ended.
    NON_PIPELINED = 2,
}

/// What is written to the semaphore at the end.
#[bitenum(u2, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
pub enum SemaphoreType {
    /// Nothing.
    NONE = 0,
    /// The payload.
    RELEASE_ONE_WORD_SEMAPHORE = 1,
    /// 16 bytes: the payload, and nanoseconds at offset 8.
    RELEASE_FOUR_WORD_SEMAPHORE = 2,
    /// The payload, and an interrupt on a condition.
    RELEASE_CONDITIONAL_INTR_SEMAPHORE = 3,
}

/// Which interrupt is raised at the end.
#[bitenum(u2, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum InterruptType {
    /// None.
    NONE = 0,
    /// The engine stops until it is handled.
    BLOCKING = 1,
    /// A notification.
    NON_BLOCKING = 2,
}

/// [`method::LAUNCH_DMA`]: starts a copy.
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct LaunchDma {
    /// Whether there is a copy.
    #[bits(0..=1, rw)]
    data_transfer_type: Option<DataTransferType>,
    /// What was written is visible before the semaphore is.
    #[bit(2, rw)]
    flush_enable: bool,
    /// The semaphore.
    #[bits(3..=4, rw)]
    semaphore_type: SemaphoreType,
    /// The interrupt.
    #[bits(5..=6, rw)]
    interrupt_type: Option<InterruptType>,
    /// The source is row by row, and not in blocks.
    #[bit(7, rw)]
    src_memory_layout_pitch: bool,
    /// The destination is row by row, and not in blocks.
    #[bit(8, rw)]
    dst_memory_layout_pitch: bool,
    /// There are [`method::LINE_COUNT`] lines, and not one.
    #[bit(9, rw)]
    multi_line_enable: bool,
    /// Components are rearranged, as [`RemapComponents`] says.
    #[bit(10, rw)]
    remap_enable: bool,
    /// The source address is physical.
    #[bit(12, rw)]
    src_type_physical: bool,
    /// The destination address is physical.
    #[bit(13, rw)]
    dst_type_physical: bool,
    /// How the semaphore is combined.
    #[bits(14..=17, rw)]
    semaphore_reduction: u4,
    /// Numbers of that have no sign.
    #[bit(18, rw)]
    semaphore_reduction_sign_unsigned: bool,
    /// The semaphore is combined and not set.
    #[bit(19, rw)]
    semaphore_reduction_enable: bool,
    /// Protected memory: 0 is none.
    #[bits(22..=23, rw)]
    vprmode: u2,
    /// The payload has 64 bits.
    #[bit(27, rw)]
    semaphore_payload_size_two_word: bool,
}

impl LaunchDma {
    /// A copy between virtual addresses, row by row, that ends before anything after it starts.
    pub fn copy() -> Self {
        Self::DEFAULT
            .with_data_transfer_type(DataTransferType::NON_PIPELINED)
            .with_flush_enable(true)
            .with_src_memory_layout_pitch(true)
            .with_dst_memory_layout_pitch(true)
    }
}

/// [`method::SET_REMAP_COMPONENTS`]: what each component of the destination is. 0 to 3 are the
/// source's components, 4 and 5 the constants A and B, 6 leaves it as it is.
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct RemapComponents {
    /// The first component.
    #[bits(0..=2, rw)]
    dst_x: u3,
    /// The second.
    #[bits(4..=6, rw)]
    dst_y: u3,
    /// The third.
    #[bits(8..=10, rw)]
    dst_z: u3,
    /// The fourth.
    #[bits(12..=14, rw)]
    dst_w: u3,
    /// Bytes of a component, less one.
    #[bits(16..=17, rw)]
    component_size: u2,
    /// Components of the source, less one.
    #[bits(20..=21, rw)]
    num_src_components: u2,
    /// Components of the destination, less one.
    #[bits(24..=25, rw)]
    num_dst_components: u2,
}

/// Constant A, as a component.
pub const REMAP_CONST_A: u3 = u3::new(4);

impl RemapComponents {
    /// Fills with constant A, whose size is `bytes`: 1 to 4. Lengths then count in it.
    pub fn fill(bytes: u8) -> Option<Self> {
        let size = u2::try_new(bytes.checked_sub(1)?).ok()?;
        Some(
            Self::DEFAULT
                .with_dst_x(REMAP_CONST_A)
                .with_component_size(size),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launches_by_hand() {
        assert_eq!(LaunchDma::copy().raw_value(), 0x186);
        let fenced = LaunchDma::copy()
            .with_semaphore_type(SemaphoreType::RELEASE_ONE_WORD_SEMAPHORE)
            .with_interrupt_type(InterruptType::NON_BLOCKING)
            .with_multi_line_enable(true);
        assert_eq!(fenced.raw_value(), 0x186 | 1 << 3 | 2 << 5 | 1 << 9);
    }

    #[test]
    fn a_fill_by_hand() {
        assert_eq!(RemapComponents::fill(4).unwrap().raw_value(), 0x3_0004);
        assert!(RemapComponents::fill(0).is_none());
        assert!(RemapComponents::fill(5).is_none());
    }
}
