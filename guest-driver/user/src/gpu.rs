// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The render node, and what the GPU is.

use crate::{sys, vm::AddressSpace};
use kernel_abi::uapi::{drm_nova_query, DRM_NOVA_QUERY, NOVA_OPTION_WORK};
use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
    sync::Arc,
};

/// What the GPU is, and what this machine may have of it (`struct drm_nova_query`).
pub type Info = drm_nova_query;

/// An open render node. Clones share the file; what is made through one lives in it.
#[derive(Clone)]
pub struct Gpu {
    pub(crate) file: Arc<File>,
}

impl Gpu {
    /// Opens the first render node of the driver. `ENODEV` when there is none.
    ///
    /// ```no_run
    /// let info = nova_guest::Gpu::open()?.info()?;
    /// println!("{} MiB", info.vram_quota >> 20);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open() -> io::Result<Self> {
        let mut nodes: Vec<_> = fs::read_dir("/dev/dri")?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().contains("/renderD"))
            .collect();
        nodes.sort();
        for node in nodes {
            let gpu = Self::open_path(&node)?;
            if gpu.info().is_ok() {
                return Ok(gpu);
            }
        }
        Err(io::Error::from_raw_os_error(libc::ENODEV))
    }

    /// Opens a node of the driver.
    pub fn open_path(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self {
            file: Arc::new(file),
        })
    }

    /// Asks what it is. Video memory in use is that of this moment.
    pub fn info(&self) -> io::Result<Info> {
        let mut info = Info::default();
        self.ioctl(DRM_NOVA_QUERY, &mut info)?;
        Ok(info)
    }

    /// Whether it takes work at all.
    pub fn takes_work(&self) -> io::Result<bool> {
        Ok(self.info()?.options & NOVA_OPTION_WORK != 0)
    }

    /// Makes an address space.
    pub fn address_space(&self) -> io::Result<Arc<AddressSpace>> {
        AddressSpace::new(self)
    }

    pub(crate) fn ioctl<T: sys::Argument>(&self, nr: u32, arg: &mut T) -> io::Result<()> {
        sys::ioctl(&self.file, nr, arg)
    }
}
