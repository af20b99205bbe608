// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The render node and its ioctls.

use crate::{mapping::Mapping, sys};
use anyhow::{Context, Result};
use kernel_abi::uapi::*;
use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Bytes that one checksum call may cover.
pub const CHECKSUM_MAX: u64 = 1 << 20;

/// An open render node.
pub struct Node {
    /// The file, for calls that this layer does not have.
    pub file: File,
}

/// The first render node whose driver is `nova-drm`.
pub fn find() -> Result<PathBuf> {
    find_named("renderD", "is virtio_nova loaded?")
}

/// The first primary node whose driver is `nova-drm`: upstream's driver has no render node.
pub fn find_primary() -> Result<PathBuf> {
    find_named("card", "is nova_drm loaded, and nova_core bound to a card?")
}

fn find_named(prefix: &str, hint: &str) -> Result<PathBuf> {
    let mut nodes: Vec<_> = fs::read_dir("/dev/dri")
        .with_context(|| format!("there is no /dev/dri: {hint}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        })
        .collect();
    nodes.sort();
    for node in nodes {
        if Node::open(&node)?.driver_name()? == "nova-drm" {
            return Ok(node);
        }
    }
    anyhow::bail!("no {prefix} node of nova-drm in /dev/dri")
}

#[repr(C)]
#[derive(Clone, Copy)]
struct DrmVersion {
    major: i32,
    minor: i32,
    patchlevel: i32,
    name_len: usize,
    name: *mut u8,
    date_len: usize,
    date: *mut u8,
    desc_len: usize,
    desc: *mut u8,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct DrmGemClose {
    handle: u32,
    pad: u32,
}

impl Node {
    /// Opens a node.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self { file })
    }

    /// The driver's name, by `DRM_IOCTL_VERSION`.
    pub fn driver_name(&self) -> Result<String> {
        let mut name = [0u8; 64];
        let mut version = DrmVersion {
            major: 0,
            minor: 0,
            patchlevel: 0,
            name_len: name.len(),
            name: name.as_mut_ptr(),
            date_len: 0,
            date: std::ptr::null_mut(),
            desc_len: 0,
            desc: std::ptr::null_mut(),
        };
        let request = sys::drm_iowr_core(0x00, size_of::<DrmVersion>());
        sys::ioctl(&self.file, request, &mut version).context("DRM_IOCTL_VERSION")?;
        let len = version.name_len.min(name.len());
        Ok(String::from_utf8_lossy(&name[..len]).into_owned())
    }

    /// A driver ioctl with the size of its argument.
    pub fn call<T: Copy>(&self, nr: u32, arg: &mut T) -> io::Result<()> {
        sys::ioctl(&self.file, sys::drm_iowr(nr, size_of::<T>()), arg)
    }

    /// `GETPARAM`
    pub fn getparam(&self, param: u64) -> io::Result<u64> {
        let mut arg = drm_nova_getparam { param, value: 0 };
        self.call(DRM_NOVA_GETPARAM, &mut arg)?;
        Ok(arg.value)
    }

    /// `QUERY`
    pub fn query(&self) -> io::Result<drm_nova_query> {
        let mut arg = drm_nova_query::default();
        self.call(DRM_NOVA_QUERY, &mut arg)?;
        Ok(arg)
    }

    /// `GEM_CREATE`
    pub fn create(&self, size: u64) -> io::Result<u32> {
        let mut arg = drm_nova_gem_create {
            size,
            ..Default::default()
        };
        self.call(DRM_NOVA_GEM_CREATE, &mut arg)?;
        Ok(arg.handle)
    }

    /// `GEM_INFO`
    pub fn info(&self, handle: u32) -> io::Result<u64> {
        let mut arg = drm_nova_gem_info {
            handle,
            ..Default::default()
        };
        self.call(DRM_NOVA_GEM_INFO, &mut arg)?;
        Ok(arg.size)
    }

    /// `DRM_IOCTL_GEM_CLOSE`
    pub fn close(&self, handle: u32) -> io::Result<()> {
        let mut arg = DrmGemClose { handle, pad: 0 };
        // _IOW, not _IOWR: the kernel only reads it.
        let request = sys::drm_iowr_core(0x09, size_of::<DrmGemClose>()) & !(2 << 30);
        sys::ioctl(&self.file, request, &mut arg)
    }

    /// `GEM_MMAP_OFFSET` and mmap.
    pub fn map(&self, handle: u32, len: usize) -> io::Result<Mapping> {
        let mut arg = drm_nova_gem_mmap_offset {
            handle,
            ..Default::default()
        };
        self.call(DRM_NOVA_GEM_MMAP_OFFSET, &mut arg)?;
        Mapping::new(&self.file, arg.offset, len)
    }

    /// `GEM_CHECKSUM` of one range.
    pub fn checksum(
        &self,
        handle: u32,
        op: u32,
        offset: u64,
        length: u64,
        seed: u64,
    ) -> io::Result<u32> {
        let mut arg = drm_nova_gem_checksum {
            handle,
            op,
            offset,
            length,
            seed,
            ..Default::default()
        };
        self.call(DRM_NOVA_GEM_CHECKSUM, &mut arg)?;
        Ok(arg.crc32)
    }
}
