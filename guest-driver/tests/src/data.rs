// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Objects filled and checked from both sides.

use crate::{
    mapping::Mapping,
    node::{Node, CHECKSUM_MAX},
};
use anyhow::{ensure, Context, Result};
use kernel_abi::{
    uapi::{NOVA_GEM_CHECKSUM_FILL, NOVA_GEM_CHECKSUM_READ},
    virtio_nova::pattern_word,
};

const PAGE: usize = 4096;

/// A mapped object.
pub struct Buffer<'a> {
    node: &'a Node,
    /// Its handle.
    pub handle: u32,
    /// Its mapping.
    pub mapping: Mapping,
}

/// Writes of this side and of the device, in bytes, and what was compared.
#[derive(Default)]
pub struct Totals {
    /// Bytes that this side wrote and the device read.
    pub written: u64,
    /// Bytes that the device wrote and this side read.
    pub read_back: u64,
}

impl<'a> Buffer<'a> {
    /// Creates and maps an object; its pages come as they are touched.
    pub fn new(node: &'a Node, size: usize) -> Result<Self> {
        let handle = node.create(size as u64).context("GEM_CREATE")?;
        let mapping = node.map(handle, size).context("mapping the object")?;
        Ok(Self {
            node,
            handle,
            mapping,
        })
    }

    /// Writes the pattern of `seed` from this side.
    pub fn fill_here(&self, seed: u64) {
        for page in 0..self.mapping.len() / PAGE {
            let mut bytes = [0; PAGE];
            pattern(seed, page * PAGE, &mut bytes);
            self.mapping.write(page * PAGE, &bytes);
        }
    }

    /// The device reads: both CRCs agree for every range.
    pub fn device_agrees(&self) -> Result<()> {
        for (offset, length) in self.ranges() {
            let theirs =
                self.node
                    .checksum(self.handle, NOVA_GEM_CHECKSUM_READ, offset, length, 0)?;
            let ours = self.mapping.crc32(offset as usize, length as usize);
            ensure!(
                ours == theirs,
                "at {offset:#x}+{length:#x} this side sees {ours:#010x}, the device {theirs:#010x}"
            );
        }
        Ok(())
    }

    /// The device writes the pattern of `seed`; this side sees its bytes and the same CRC.
    pub fn device_fills(&self, seed: u64) -> Result<()> {
        for (offset, length) in self.ranges() {
            let theirs =
                self.node
                    .checksum(self.handle, NOVA_GEM_CHECKSUM_FILL, offset, length, seed)?;
            let ours = self.mapping.crc32(offset as usize, length as usize);
            ensure!(
                ours == theirs,
                "after a fill of {offset:#x}+{length:#x} this side sees {ours:#010x}, the device {theirs:#010x}"
            );
        }
        for page in 0..self.mapping.len() / PAGE {
            let (mut expected, mut found) = ([0; PAGE], [0; PAGE]);
            pattern(seed, page * PAGE, &mut expected);
            self.mapping.read(page * PAGE, &mut found);
            ensure!(
                expected == found,
                "page {page} is not what the device wrote"
            );
        }
        Ok(())
    }

    /// The object in pieces that one call may cover.
    fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        let len = self.mapping.len() as u64;
        (0..len)
            .step_by(CHECKSUM_MAX as usize)
            .map(move |offset| (offset, CHECKSUM_MAX.min(len - offset)))
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        let _ = self.node.close(self.handle);
    }
}

/// The pattern of `seed` at a byte offset of an object that is a multiple of 8.
pub fn pattern(seed: u64, offset: usize, to: &mut [u8]) {
    for (index, word) in to.chunks_mut(8).enumerate() {
        let bytes = pattern_word(seed, (offset / 8 + index) as u64);
        word.copy_from_slice(&bytes[..word.len()]);
    }
}

/// Makes `count` objects whose pages are interleaved in memory: they are touched in turn, page
/// by page.
pub fn scattered(node: &Node, count: usize, size: usize) -> Result<Vec<Buffer<'_>>> {
    let buffers = (0..count)
        .map(|_| Buffer::new(node, size))
        .collect::<Result<Vec<_>>>()?;
    for page in 0..size / PAGE {
        for (index, buffer) in buffers.iter().enumerate() {
            buffer.mapping.write(page * PAGE, &[index as u8 + 1]);
        }
    }
    Ok(buffers)
}

/// Both directions on all buffers, each with a pattern of its own.
pub fn both_directions(buffers: &[Buffer<'_>], seed: u64) -> Result<Totals> {
    let mut totals = Totals::default();
    for (index, buffer) in buffers.iter().enumerate() {
        buffer.fill_here(seed + index as u64 * 0x1000_0000);
    }
    for buffer in buffers {
        buffer.device_agrees()?;
        totals.written += buffer.mapping.len() as u64;
    }
    for (index, buffer) in buffers.iter().enumerate() {
        buffer.device_fills(!seed ^ index as u64)?;
        totals.read_back += buffer.mapping.len() as u64;
    }
    Ok(totals)
}
