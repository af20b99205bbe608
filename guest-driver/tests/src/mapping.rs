// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A mapped GEM object.
#![allow(unsafe_code)] // reads and writes of a mapping that the device shares

use crate::sys;
use std::{fs::File, io, ptr::NonNull};

/// A mapping of an object; the device may write it at any time, so there are no references into
/// it.
///
/// # Invariants
///
/// `len` bytes at `address` are mapped.
pub struct Mapping {
    address: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// Maps `len` bytes at `offset`, as `GEM_MMAP_OFFSET` gave it.
    pub fn new(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        let address = sys::map(file, offset, len)?;
        Ok(Self { address, len })
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True for a mapping of nothing, which there is not.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies out of the mapping.
    pub fn read(&self, offset: usize, to: &mut [u8]) {
        assert!(offset + to.len() <= self.len);
        // SAFETY: by the type invariant and the check.
        unsafe { sys::read(self.address, offset, to) };
    }

    /// Copies into the mapping.
    pub fn write(&self, offset: usize, from: &[u8]) {
        assert!(offset + from.len() <= self.len);
        // SAFETY: by the type invariant and the check.
        unsafe { sys::write(self.address, offset, from) };
    }

    /// Reads eight bytes at a multiple of eight, in one access.
    pub fn load64(&self, offset: usize) -> u64 {
        assert!(offset % 8 == 0 && offset + 8 <= self.len);
        // SAFETY: by the type invariant and the check; a mapping starts on a page.
        unsafe { sys::load64(self.address, offset) }
    }

    /// Writes eight bytes at a multiple of eight, in one access.
    pub fn store64(&self, offset: usize, value: u64) {
        assert!(offset % 8 == 0 && offset + 8 <= self.len);
        // SAFETY: by the type invariant and the check; a mapping starts on a page.
        unsafe { sys::store64(self.address, offset, value) };
    }

    /// CRC-32 of a range, as this side sees it.
    pub fn crc32(&self, offset: usize, len: usize) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        let mut chunk = [0; 4096];
        let mut at = offset;
        while at < offset + len {
            let take = chunk.len().min(offset + len - at);
            self.read(at, &mut chunk[..take]);
            hasher.update(&chunk[..take]);
            at += take;
        }
        hasher.finalize()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`; there are no references into it.
        unsafe { sys::unmap(self.address, self.len) };
    }
}
