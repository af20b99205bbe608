// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The DRM ioctls of `nova-drm`.
//!
//! The first three are those of Linux 7.3's `include/uapi/drm/nova_drm.h`, bit for bit; the rest
//! is ours, numbered from 0x20, and drawn in `guest-driver/uapi/virtio_nova_drm.h`. Layouts are
//! C's; every field is naturally aligned and there is no hidden padding.
#![allow(non_camel_case_types)] // C's names
#![allow(unsafe_code)] // promises that the arguments are integers alone

use crate::transmute::{AsBytes, FromBytes};

mod query;
mod work;

pub use self::{query::*, work::*};

/// First number of a driver's ioctls (`DRM_COMMAND_BASE`).
const DRM_COMMAND_BASE: u32 = 0x40;

/// `DRM_IOWR(DRM_COMMAND_BASE + number, bytes)`, with the size that the C header's structure has.
const fn iowr(number: u32, bytes: u32) -> u32 {
    (3 << 30) | (bytes << 16) | ((b'd' as u32) << 8) | (DRM_COMMAND_BASE + number)
}

/// `DRM_IOCTL_NOVA_GETPARAM`
pub const DRM_IOCTL_NOVA_GETPARAM: u32 = iowr(DRM_NOVA_GETPARAM, 16);
/// `DRM_IOCTL_NOVA_GEM_CREATE`
pub const DRM_IOCTL_NOVA_GEM_CREATE: u32 = iowr(DRM_NOVA_GEM_CREATE, 16);
/// `DRM_IOCTL_NOVA_GEM_INFO`
pub const DRM_IOCTL_NOVA_GEM_INFO: u32 = iowr(DRM_NOVA_GEM_INFO, 16);
/// `DRM_IOCTL_NOVA_QUERY`
pub const DRM_IOCTL_NOVA_QUERY: u32 = iowr(DRM_NOVA_QUERY, 136);
/// `DRM_IOCTL_NOVA_GEM_NEW`
pub const DRM_IOCTL_NOVA_GEM_NEW: u32 = iowr(DRM_NOVA_GEM_NEW, 24);
/// `DRM_IOCTL_NOVA_GEM_MMAP_OFFSET`
pub const DRM_IOCTL_NOVA_GEM_MMAP_OFFSET: u32 = iowr(DRM_NOVA_GEM_MMAP_OFFSET, 16);
/// `DRM_IOCTL_NOVA_VM_CREATE`
pub const DRM_IOCTL_NOVA_VM_CREATE: u32 = iowr(DRM_NOVA_VM_CREATE, 8);
/// `DRM_IOCTL_NOVA_VM_DESTROY`
pub const DRM_IOCTL_NOVA_VM_DESTROY: u32 = iowr(DRM_NOVA_VM_DESTROY, 8);
/// `DRM_IOCTL_NOVA_VM_BIND`
pub const DRM_IOCTL_NOVA_VM_BIND: u32 = iowr(DRM_NOVA_VM_BIND, 48);
/// `DRM_IOCTL_NOVA_QUEUE_CREATE`
pub const DRM_IOCTL_NOVA_QUEUE_CREATE: u32 = iowr(DRM_NOVA_QUEUE_CREATE, 24);
/// `DRM_IOCTL_NOVA_QUEUE_DESTROY`
pub const DRM_IOCTL_NOVA_QUEUE_DESTROY: u32 = iowr(DRM_NOVA_QUEUE_DESTROY, 8);
/// `DRM_IOCTL_NOVA_EXEC`
pub const DRM_IOCTL_NOVA_EXEC: u32 = iowr(DRM_NOVA_EXEC, 40);
/// `DRM_IOCTL_NOVA_GEM_CHECKSUM`
pub const DRM_IOCTL_NOVA_GEM_CHECKSUM: u32 = iowr(DRM_NOVA_GEM_CHECKSUM, 40);

/// `param` of [`drm_nova_getparam`]: bytes of the card's BAR1.
pub const NOVA_GETPARAM_VRAM_BAR_SIZE: u64 = 0x1;

/// Driver-relative number of `DRM_IOCTL_NOVA_GETPARAM`.
pub const DRM_NOVA_GETPARAM: u32 = 0x00;
/// Driver-relative number of `DRM_IOCTL_NOVA_GEM_CREATE`.
pub const DRM_NOVA_GEM_CREATE: u32 = 0x01;
/// Driver-relative number of `DRM_IOCTL_NOVA_GEM_INFO`.
pub const DRM_NOVA_GEM_INFO: u32 = 0x02;
/// Driver-relative number of `DRM_IOCTL_NOVA_QUERY`.
pub const DRM_NOVA_QUERY: u32 = 0x20;
/// Driver-relative number of `DRM_IOCTL_NOVA_GEM_NEW`.
pub const DRM_NOVA_GEM_NEW: u32 = 0x21;
/// Driver-relative number of `DRM_IOCTL_NOVA_GEM_MMAP_OFFSET`.
pub const DRM_NOVA_GEM_MMAP_OFFSET: u32 = 0x22;
/// Driver-relative number of `DRM_IOCTL_NOVA_VM_CREATE`.
pub const DRM_NOVA_VM_CREATE: u32 = 0x23;
/// Driver-relative number of `DRM_IOCTL_NOVA_VM_DESTROY`.
pub const DRM_NOVA_VM_DESTROY: u32 = 0x24;
/// Driver-relative number of `DRM_IOCTL_NOVA_VM_BIND`.
pub const DRM_NOVA_VM_BIND: u32 = 0x25;
/// Driver-relative number of `DRM_IOCTL_NOVA_QUEUE_CREATE`.
pub const DRM_NOVA_QUEUE_CREATE: u32 = 0x26;
/// Driver-relative number of `DRM_IOCTL_NOVA_QUEUE_DESTROY`.
pub const DRM_NOVA_QUEUE_DESTROY: u32 = 0x27;
/// Driver-relative number of `DRM_IOCTL_NOVA_EXEC`.
pub const DRM_NOVA_EXEC: u32 = 0x28;
/// Driver-relative number of `DRM_IOCTL_NOVA_GEM_CHECKSUM`.
pub const DRM_NOVA_GEM_CHECKSUM: u32 = 0x3f;

/// Asks for a parameter of the GPU or the driver.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_getparam {
    /// In: which.
    pub param: u64,
    /// Out: its value.
    pub value: u64,
}

/// Makes a GEM object.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_gem_create {
    /// Out: its handle.
    pub handle: u32,
    /// Not looked at, as upstream.
    pub pad: u32,
    /// In: bytes, rounded up to pages; zero is `EINVAL`.
    pub size: u64,
}

/// Asks for the size of a GEM object.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_gem_info {
    /// In: the handle; an unknown one is `ENOENT`.
    pub handle: u32,
    /// Not looked at, as upstream.
    pub pad: u32,
    /// Out: bytes.
    pub size: u64,
}

/// `domain` of [`drm_nova_gem_new`]: pages of this machine.
pub const NOVA_GEM_DOMAIN_SYSTEM: u32 = 1;
/// `domain` of [`drm_nova_gem_new`]: video memory. It cannot be mapped: copies reach it.
pub const NOVA_GEM_DOMAIN_VRAM: u32 = 2;
/// Bit of `flags` of [`drm_nova_gem_new`]: the CPU maps it write-combined; else cached.
pub const NOVA_GEM_WRITE_COMBINED: u32 = 1 << 0;

/// Makes a GEM object in a domain.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_gem_new {
    /// In: bytes, rounded up to pages; zero is `EINVAL`.
    pub size: u64,
    /// In: [`NOVA_GEM_DOMAIN_SYSTEM`] or [`NOVA_GEM_DOMAIN_VRAM`].
    pub domain: u32,
    /// In: [`NOVA_GEM_WRITE_COMBINED`], for the system domain.
    pub flags: u32,
    /// Out: its handle.
    pub handle: u32,
    /// In: zero.
    pub pad: u32,
}

/// Asks where in the node's address space an object can be mapped.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_gem_mmap_offset {
    /// In: the handle; an unknown one is `ENOENT`, one of VRAM `EOPNOTSUPP`.
    pub handle: u32,
    /// In: zero.
    pub pad: u32,
    /// Out: the offset for mmap(2).
    pub offset: u64,
}

/// `op` of [`drm_nova_gem_checksum`]: the device reads.
pub const NOVA_GEM_CHECKSUM_READ: u32 = 0;
/// `op` of [`drm_nova_gem_checksum`]: the device writes the pattern of `seed`, then reads.
pub const NOVA_GEM_CHECKSUM_FILL: u32 = 1;

/// Lets the device checksum a part of an object: a diagnostic that both sides see the same bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_gem_checksum {
    /// In: the handle; an unknown one is `ENOENT`.
    pub handle: u32,
    /// In: [`NOVA_GEM_CHECKSUM_READ`] or [`NOVA_GEM_CHECKSUM_FILL`].
    pub op: u32,
    /// In: bytes into the object.
    pub offset: u64,
    /// In: bytes, at most 1 MiB.
    pub length: u64,
    /// In: seed of the pattern; zero for read.
    pub seed: u64,
    /// Out: CRC-32 (IEEE 802.3).
    pub crc32: u32,
    /// In: zero.
    pub pad: u32,
}

macro_rules! plain {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: integers alone.
        unsafe impl FromBytes for $type {}
        // SAFETY: there is no hidden padding, as the header of this file says and `cargo xtask test` compares.
        unsafe impl AsBytes for $type {}
    )*};
}

plain!(
    drm_nova_getparam,
    drm_nova_gem_create,
    drm_nova_gem_info,
    drm_nova_query,
    drm_nova_gem_new,
    drm_nova_gem_mmap_offset,
    drm_nova_gem_checksum,
    drm_nova_vm_create,
    drm_nova_vm_destroy,
    drm_nova_sync,
    drm_nova_vm_bind_op,
    drm_nova_vm_bind,
    drm_nova_queue_create,
    drm_nova_queue_destroy,
    drm_nova_exec_push,
    drm_nova_exec,
    drm_event,
    drm_nova_event_lost,
);
