// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Guest memory: one memfd a region.

use std::fs::File;
use std::os::fd::AsRawFd;

use anyhow::{ensure, Context, Result};
use rustix::fs::{memfd_create, MemfdFlags};
use vhost::VhostUserMemoryRegionInfo;
use vm_memory::{
    AtomicAccess, Bytes, FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap,
};

/// Guest memory, mapped here and told to the device.
pub struct Ram {
    mem: GuestMemoryMmap,
    regions: Vec<Region>,
    /// Where the next [`alloc`](Self::alloc) looks, in region 0.
    next: u64,
}

/// One region of guest memory.
#[derive(Debug)]
pub struct Region {
    /// Guest-physical start.
    pub start: u64,
    /// Bytes, and the length of the file.
    pub len: u64,
    /// What the device is told, usually the same; another value is a lie.
    pub claimed_len: u64,
    /// The memory.
    pub file: File,
}

impl Ram {
    /// Memory of these regions, each a guest-physical start and a length in bytes, both multiples
    /// of 4096, in ascending order. Rings and buffers are put into the first.
    ///
    /// # Errors
    /// When the system refuses the memory, or regions overlap.
    pub fn new(regions: &[(u64, u64)]) -> Result<Self> {
        let mut made = Vec::new();
        let mut ranges = Vec::new();
        for &(start, len) in regions {
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
            let file = File::from(memfd_create("lab-ram", flags)?);
            file.set_len(len)?;
            let offset = FileOffset::new(file.try_clone()?, 0);
            ranges.push((GuestAddress(start), len as usize, Some(offset)));
            made.push(Region {
                start,
                len,
                claimed_len: len,
                file,
            });
        }
        let mem = GuestMemoryMmap::from_ranges_with_files(ranges).context("mapping guest RAM")?;
        let next = regions.first().context("no region")?.0;
        Ok(Self {
            mem,
            regions: made,
            next,
        })
    }

    /// The regions, to look at or to lie about before they are told.
    pub fn regions(&mut self) -> &mut [Region] {
        &mut self.regions
    }

    /// Cuts a region's file off. From then on nobody may touch what is behind `len` in this
    /// process either: that is a SIGBUS here. Keep rings and buffers in another region.
    ///
    /// # Errors
    /// When the file can not be truncated.
    pub fn truncate(&self, region: usize, len: u64) -> Result<()> {
        Ok(self.regions[region].file.set_len(len)?)
    }

    /// Takes `len` bytes of region 0 that nobody uses yet, page-aligned; never given back.
    ///
    /// # Errors
    /// When the region is used up.
    pub fn alloc(&mut self, len: u64) -> Result<u64> {
        let start = self.next;
        let next = start + len.next_multiple_of(4096);
        let end = self.regions[0].start + self.regions[0].len;
        ensure!(next <= end, "region 0 of the guest's RAM is used up");
        self.next = next;
        Ok(start)
    }

    /// Where [`alloc`](Self::alloc) stands; [`rewind`](Self::rewind) goes back there.
    pub fn mark(&self) -> u64 {
        self.next
    }

    /// Gives everything back that was allocated since [`mark`](Self::mark).
    pub fn rewind(&mut self, mark: u64) {
        self.next = mark;
    }

    /// Copies bytes out of guest memory.
    ///
    /// # Errors
    /// When the range is not inside it.
    pub fn read(&self, addr: u64, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.mem.read_slice(&mut bytes, GuestAddress(addr))?;
        Ok(bytes)
    }

    /// Copies bytes into guest memory.
    ///
    /// # Errors
    /// When the range is not inside it.
    pub fn write(&self, addr: u64, bytes: &[u8]) -> Result<()> {
        Ok(self.mem.write_slice(bytes, GuestAddress(addr))?)
    }

    pub(crate) fn load<T: AtomicAccess>(&self, addr: u64) -> Result<T> {
        let order = std::sync::atomic::Ordering::Acquire;
        Ok(self.mem.load(GuestAddress(addr), order)?)
    }

    pub(crate) fn store<T: AtomicAccess>(&self, addr: u64, value: T) -> Result<()> {
        let order = std::sync::atomic::Ordering::Release;
        Ok(self.mem.store(value, GuestAddress(addr), order)?)
    }

    /// The address in this process, which vhost-user names ring addresses by.
    ///
    /// # Errors
    /// When it is not inside guest memory.
    pub fn host_addr(&self, addr: u64) -> Result<u64> {
        Ok(self.mem.get_host_address(GuestAddress(addr))? as u64)
    }

    /// The memory table as it is told to the device.
    ///
    /// # Errors
    /// When a region is not mapped here.
    pub fn table(&self) -> Result<Vec<VhostUserMemoryRegionInfo>> {
        self.regions
            .iter()
            .map(|region| {
                Ok(VhostUserMemoryRegionInfo {
                    guest_phys_addr: region.start,
                    memory_size: region.claimed_len,
                    userspace_addr: self.host_addr(region.start)?,
                    mmap_offset: 0,
                    mmap_handle: region.file.as_raw_fd(),
                })
            })
            .collect()
    }
}
