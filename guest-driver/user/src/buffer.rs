// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Buffers: memory of the machine or of the card.

use crate::{
    gpu::Gpu,
    sys::{self, Map},
};
use kernel_abi::uapi::*;
use std::io;

/// Where a buffer's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Memory of this machine, which the CPU maps cached.
    System,
    /// The same, mapped write-combined.
    SystemWriteCombined,
    /// Video memory. The CPU does not reach it: copies do.
    Vram,
}

/// A GEM object. Dropping it gives the handle up; what is mapped in an address space stays mapped.
pub struct Buffer {
    gpu: Gpu,
    handle: u32,
    size: u64,
    domain: Domain,
}

impl Buffer {
    /// Makes one of at least `size` bytes. `EINVAL` for none, `ENOSPC` when this machine may not have so much video memory, `ENOMEM`
    /// when there is none.
    pub fn new(gpu: &Gpu, size: u64, domain: Domain) -> io::Result<Self> {
        let (number, flags) = match domain {
            Domain::System => (NOVA_GEM_DOMAIN_SYSTEM, 0),
            Domain::SystemWriteCombined => (NOVA_GEM_DOMAIN_SYSTEM, NOVA_GEM_WRITE_COMBINED),
            Domain::Vram => (NOVA_GEM_DOMAIN_VRAM, 0),
        };
        let mut arg = drm_nova_gem_new {
            size,
            domain: number,
            flags,
            ..Default::default()
        };
        gpu.ioctl(DRM_NOVA_GEM_NEW, &mut arg)?;
        Ok(Self {
            gpu: gpu.clone(),
            handle: arg.handle,
            size: size.next_multiple_of(4096),
            domain,
        })
    }

    /// Bytes: whole pages.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it is.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    pub(crate) fn handle(&self) -> u32 {
        self.handle
    }

    /// Maps it for the CPU. `EOPNOTSUPP` for one in video memory.
    pub fn map(&self) -> io::Result<Mapping> {
        let mut arg = drm_nova_gem_mmap_offset {
            handle: self.handle,
            ..Default::default()
        };
        self.gpu.ioctl(DRM_NOVA_GEM_MMAP_OFFSET, &mut arg)?;
        let len = usize::try_from(self.size).map_err(io::Error::other)?;
        Ok(Mapping(Map::new(&self.gpu.file, arg.offset, len)?))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // DRM_IOCTL_GEM_CLOSE. DRM core takes a command by its number, whatever its direction.
        let _ = sys::core_ioctl(&self.gpu.file, 0x09, &mut [self.handle, 0]);
    }
}

/// A buffer's bytes, as the CPU sees them. The GPU may change them at any time.
pub struct Mapping(Map);

impl Mapping {
    /// Bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: a buffer has a page at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies out.
    ///
    /// # Panics
    ///
    /// When the range is not inside.
    pub fn read(&self, offset: usize, to: &mut [u8]) {
        self.0.read(offset, to);
    }

    /// Copies in.
    ///
    /// # Panics
    ///
    /// When the range is not inside.
    pub fn write(&self, offset: usize, from: &[u8]) {
        self.0.write(offset, from);
    }
}
