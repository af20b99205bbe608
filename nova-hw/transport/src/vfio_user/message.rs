// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The messages of the vfio-user protocol, version 0.0.
//!
//! Follows QEMU's `docs/interop/vfio-user.rst`; the structures that it takes over from VFIO
//! follow `include/uapi/linux/vfio.h`. All numbers are in the byte order of the host, as both
//! ends are on it.

use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The most data in one access, and the size of the largest message's payload but for headers:
/// what this side announces, and what the protocol assumes of a peer that announces nothing.
pub(crate) const MAX_DATA: u32 = 1 << 20;
/// The most payload that is read, whatever a header says.
pub(crate) const MAX_PAYLOAD: usize = MAX_DATA as usize + 4096;
/// The most descriptors that are taken with one message.
pub(crate) const MAX_FDS: usize = 16;
/// The most DMA maps that are held, as announced; the protocol's own figure.
pub(crate) const MAX_DMA_MAPS: usize = 65_535;

/// What a message is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Command(pub(crate) u16);

impl Command {
    pub(crate) const VERSION: Self = Self(1);
    pub(crate) const DMA_MAP: Self = Self(2);
    pub(crate) const DMA_UNMAP: Self = Self(3);
    pub(crate) const GET_INFO: Self = Self(4);
    pub(crate) const GET_REGION_INFO: Self = Self(5);
    pub(crate) const GET_IRQ_INFO: Self = Self(7);
    pub(crate) const SET_IRQS: Self = Self(8);
    pub(crate) const REGION_READ: Self = Self(9);
    pub(crate) const REGION_WRITE: Self = Self(10);
    pub(crate) const RESET: Self = Self(13);

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::VERSION => "VERSION",
            Self::DMA_MAP => "DMA_MAP",
            Self::DMA_UNMAP => "DMA_UNMAP",
            Self::GET_INFO => "DEVICE_GET_INFO",
            Self::GET_REGION_INFO => "DEVICE_GET_REGION_INFO",
            Self::GET_IRQ_INFO => "DEVICE_GET_IRQ_INFO",
            Self::SET_IRQS => "DEVICE_SET_IRQS",
            Self::REGION_READ => "REGION_READ",
            Self::REGION_WRITE => "REGION_WRITE",
            Self::RESET => "DEVICE_RESET",
            _ => return None,
        })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "command {}", self.0),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bits of [`Header::flags`]; the low four are the type.
pub(crate) mod flag {
    pub(crate) const TYPE: u32 = 0xf;
    pub(crate) const REPLY: u32 = 1;
    pub(crate) const NO_REPLY: u32 = 1 << 4;
    pub(crate) const ERROR: u32 = 1 << 5;
}

/// What every message starts with.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) id: u16,
    pub(crate) command: u16,
    /// Bytes of the message, this header included.
    pub(crate) size: u32,
    pub(crate) flags: u32,
    /// An errno, in replies with [`flag::ERROR`].
    pub(crate) error: u32,
}

pub(crate) const HEADER: usize = size_of::<Header>();

impl Header {
    pub(crate) fn command(&self) -> Command {
        Command(self.command)
    }

    pub(crate) fn is_reply(&self) -> bool {
        self.flags & flag::TYPE == flag::REPLY
    }

    pub(crate) fn wants_reply(&self) -> bool {
        self.flags & flag::NO_REPLY == 0
    }

    /// Bytes behind the header; nothing when the size is shorter than a header or longer than
    /// anything that is sent.
    pub(crate) fn payload(&self) -> Option<usize> {
        let payload = (self.size as usize).checked_sub(HEADER)?;
        (payload <= MAX_PAYLOAD).then_some(payload)
    }
}

/// `VERSION`, before the JSON text.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct Version {
    pub(crate) major: u16,
    pub(crate) minor: u16,
}

/// `DMA_MAP`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct DmaMap {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    /// Where in the file the memory starts.
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

impl DmaMap {
    pub(crate) const READ: u32 = 1;
    pub(crate) const WRITE: u32 = 2;
}

/// `DMA_UNMAP`, and its reply.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct DmaUnmap {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

impl DmaUnmap {
    pub(crate) const GET_DIRTY_BITMAP: u32 = 1;
    pub(crate) const ALL: u32 = 2;
}

/// `DEVICE_GET_INFO`, and its reply.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct DeviceInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) num_regions: u32,
    pub(crate) num_irqs: u32,
}

/// `DEVICE_GET_REGION_INFO`, and its reply before capabilities: `struct vfio_region_info`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct RegionInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    /// From the start of this structure; 0 for none.
    pub(crate) cap_offset: u32,
    pub(crate) size: u64,
    /// Where in the file that comes with the reply the region starts.
    pub(crate) offset: u64,
}

/// `struct vfio_region_info_cap_sparse_mmap` with one area.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct SparseMmap {
    pub(crate) id: u16,
    pub(crate) version: u16,
    /// As [`RegionInfo::cap_offset`].
    pub(crate) next: u32,
    pub(crate) nr_areas: u32,
    pub(crate) reserved: u32,
    pub(crate) area_offset: u64,
    pub(crate) area_size: u64,
}

/// `DEVICE_GET_IRQ_INFO`, and its reply.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct IrqInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) count: u32,
}

/// `DEVICE_SET_IRQS`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct SetIrqs {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) start: u32,
    pub(crate) count: u32,
}

/// `REGION_READ` and `REGION_WRITE`, and their replies, before the data.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct RegionAccess {
    pub(crate) offset: u64,
    pub(crate) region: u32,
    pub(crate) count: u32,
}

/// Bytes of a structure, as `argsz` counts them.
pub(crate) const fn argsz<T>() -> u32 {
    size_of::<T>() as u32
}
