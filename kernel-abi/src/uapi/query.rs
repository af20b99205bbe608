// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `DRM_IOCTL_NOVA_QUERY`
#![allow(non_camel_case_types)] // C's names

/// Bit of `options` of [`drm_nova_query`]: video memory, address spaces, queues and sync objects are there; else their
/// ioctls end in `EOPNOTSUPP`.
pub const NOVA_OPTION_WORK: u32 = 1 << 0;

/// Asks what the GPU is, and what this machine may have of it.
///
/// It grows at its end: DRM core gives a program as much as that knows of, and zeros where the driver is older.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_query {
    /// Out: as NV_PMC_BOOT_42 names it (GA102: 0x172).
    pub chipset: u32,
    /// In: zero.
    pub pad: u32,
    /// Out: bytes of video memory on the card.
    pub vram_size: u64,
    /// Out: bytes of the card's BAR1.
    pub vram_bar_size: u64,
    /// Out: ASCII, zero-terminated.
    pub chip_name: [u8; 16],
    /// Out: [`NOVA_OPTION_WORK`]. Without it all that follows is zero.
    pub options: u32,
    /// Out: bit n: a queue can be on engine n.
    pub engines: u32,
    /// Out: class of channels, as NVIDIA numbers them (GA102: 0xc56f).
    pub gpfifo_class: u32,
    /// Out: class of the copy engine (GA102: 0xc7b5), or zero.
    pub copy_class: u32,
    /// Out: bytes of video memory that this machine may have.
    pub vram_quota: u64,
    /// Out: bytes of it that are in use now, by all programs and for tables and channels.
    pub vram_used: u64,
    /// Out: first GPU virtual address.
    pub va_start: u64,
    /// Out: the first one beyond.
    pub va_end: u64,
    /// Out: bit n: the GPU maps pages of 2^n bytes.
    pub page_sizes: u64,
    /// Out: bytes of the largest object.
    pub max_object_size: u64,
    /// Out: operations in one bind.
    pub max_bind_ops: u32,
    /// Out: pushes in one submission.
    pub max_pushes: u32,
    /// Out: bytes of one push.
    pub max_push_length: u32,
    /// Out: sync objects that one call waits for, and that it signals.
    pub max_syncs: u32,
    /// Out: binds of an address space that can be under way; more have to wait.
    pub max_binds_in_flight: u32,
    /// Out: submissions of a queue that can be under way; more have to wait.
    pub max_execs_in_flight: u32,
    /// Out: milliseconds that a submission may take before its queue is lost; zero without a bound.
    pub work_timeout_ms: u32,
    /// Out: zero.
    pub pad2: u32,
}
