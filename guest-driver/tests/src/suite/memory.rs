// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Both sides see the same bytes.

use super::Test;
use crate::{
    data::{self, Buffer},
    node::Node,
};
use anyhow::{ensure, Result};
use kernel_abi::uapi::{NOVA_GEM_CHECKSUM_FILL, NOVA_GEM_CHECKSUM_READ};

pub(super) const TESTS: &[Test] = &[
    ("memory: a new object is zero", zero),
    ("memory: a page in both directions", one_page),
    ("memory: many scattered pages in both directions", scattered),
    ("memory: ranges at odd offsets", odd_ranges),
    ("memory: more pages than one request names", large),
    ("memory: an object that was never touched here", untouched),
];

fn zero(node: &Node) -> Result<()> {
    let buffer = Buffer::new(node, 64 << 10)?;
    let mut bytes = vec![1; 64 << 10];
    buffer.mapping.read(0, &mut bytes);
    ensure!(bytes.iter().all(|byte| *byte == 0));
    buffer.device_agrees()
}

fn one_page(node: &Node) -> Result<()> {
    let buffer = [Buffer::new(node, 4096)?];
    data::both_directions(&buffer, 1)?;
    Ok(())
}

fn scattered(node: &Node) -> Result<()> {
    let buffers = data::scattered(node, 6, 1 << 20)?;
    let totals = data::both_directions(&buffers, 2)?;
    ensure!(totals.written == 6 << 20 && totals.read_back == 6 << 20);
    Ok(())
}

fn odd_ranges(node: &Node) -> Result<()> {
    let buffer = Buffer::new(node, 3 * 4096)?;
    buffer.fill_here(3);
    for (offset, length) in [
        (0usize, 1usize),
        (1, 4095),
        (4095, 2),
        (4097, 4100),
        (12287, 1),
    ] {
        let (at, len) = (offset as u64, length as u64);
        let theirs = node.checksum(buffer.handle, NOVA_GEM_CHECKSUM_READ, at, len, 0)?;
        ensure!(
            theirs == buffer.mapping.crc32(offset, length),
            "{offset}+{length}"
        );
    }
    // A fill writes its range and nothing beside it.
    node.checksum(buffer.handle, NOVA_GEM_CHECKSUM_FILL, 4095, 3, 4)?;
    let (mut expected, mut found) = (vec![0; 3 * 4096], vec![0; 3 * 4096]);
    data::pattern(3, 0, &mut expected);
    let mut filled = vec![0; 3 * 4096];
    data::pattern(4, 0, &mut filled);
    expected[4095..4098].copy_from_slice(&filled[4095..4098]);
    buffer.mapping.read(0, &mut found);
    ensure!(expected == found);
    Ok(())
}

fn large(node: &Node) -> Result<()> {
    // Two objects, interleaved, with 4096 pages each: four requests' worth of entries.
    let buffers = data::scattered(node, 2, 16 << 20)?;
    data::both_directions(&buffers, 5)?;
    Ok(())
}

fn untouched(node: &Node) -> Result<()> {
    let handle = node.create(32 << 10)?;
    let ours = crc32fast::hash(&[0; 32 << 10]);
    let theirs = node.checksum(handle, NOVA_GEM_CHECKSUM_READ, 0, 32 << 10, 0)?;
    ensure!(ours == theirs, "{ours:#x} {theirs:#x}");
    Ok(node.close(handle)?)
}
