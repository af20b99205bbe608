// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a hostile or broken program sends, and upstream's answers to it.

use super::{expect, Test};
use crate::node::{Node, CHECKSUM_MAX};
use anyhow::{ensure, Result};
use kernel_abi::uapi::*;
use libc::{EACCES, EINVAL, ENOENT};

pub(super) const TESTS: &[Test] = &[
    ("bad input: GETPARAM of unknown parameters", params),
    ("bad input: GEM_CREATE of zero and of too much", sizes),
    ("bad input: unknown handles", handles),
    ("bad input: handles of another file", foreign_handles),
    (
        "bad input: ioctl numbers in gaps and beyond the table",
        numbers,
    ),
    ("bad input: padding of our own ioctls", own_padding),
    ("bad input: GEM_CHECKSUM ranges", checksum_ranges),
    ("bad input: mmap beyond an object", mmap_beyond),
];

pub(super) fn params(node: &Node) -> Result<()> {
    for param in [0, 2, 0xffff_ffff, u64::MAX] {
        expect(node.getparam(param), EINVAL, &format!("param {param:#x}"))?;
    }
    Ok(())
}

pub(super) fn sizes(node: &Node) -> Result<()> {
    for size in [0, u64::MAX, u64::MAX - 4094, 1 << 63] {
        expect(node.create(size), EINVAL, &format!("size {size:#x}"))?;
    }
    Ok(())
}

fn handles(node: &Node) -> Result<()> {
    let handle = node.create(4096)?;
    node.close(handle)?;
    for handle in [0, handle, 1000, u32::MAX] {
        expect(node.info(handle), ENOENT, &format!("GEM_INFO {handle}"))?;
        let map = node.map(handle, 4096);
        expect(map, ENOENT, &format!("GEM_MMAP_OFFSET {handle}"))?;
        let checksum = node.checksum(handle, NOVA_GEM_CHECKSUM_READ, 0, 4096, 0);
        expect(checksum, ENOENT, &format!("GEM_CHECKSUM {handle}"))?;
    }
    expect(node.close(handle), EINVAL, "closing twice")
}

fn foreign_handles(node: &Node) -> Result<()> {
    let other = Node::open(&crate::node::find()?)?;
    // Handles are per file: make sure that the number means nothing here.
    let kept: Vec<u32> = (0..3)
        .map(|_| other.create(4096))
        .collect::<Result<_, _>>()?;
    let foreign = kept[2];
    expect(node.info(foreign), ENOENT, "GEM_INFO of a foreign handle")?;
    let checksum = node.checksum(foreign, NOVA_GEM_CHECKSUM_READ, 0, 4096, 0);
    expect(checksum, ENOENT, "GEM_CHECKSUM of a foreign handle")
}

pub(super) fn numbers(node: &Node) -> Result<()> {
    for nr in [0x03, 0x1f, 0x29, 0x3e, 0x40, 0x5f] {
        let mut arg = [0u64; 4];
        expect(node.call(nr, &mut arg), EINVAL, &format!("ioctl {nr:#x}"))?;
    }
    Ok(())
}

fn own_padding(node: &Node) -> Result<()> {
    let handle = node.create(4096)?;
    let mut query = drm_nova_query {
        pad: 1,
        ..Default::default()
    };
    expect(node.call(DRM_NOVA_QUERY, &mut query), EINVAL, "QUERY")?;
    let mut offset = drm_nova_gem_mmap_offset {
        handle,
        pad: 1,
        offset: 0,
    };
    let result = node.call(DRM_NOVA_GEM_MMAP_OFFSET, &mut offset);
    expect(result, EINVAL, "GEM_MMAP_OFFSET")?;
    let mut checksum = drm_nova_gem_checksum {
        handle,
        length: 4096,
        pad: 1,
        ..Default::default()
    };
    let result = node.call(DRM_NOVA_GEM_CHECKSUM, &mut checksum);
    expect(result, EINVAL, "GEM_CHECKSUM")
}

fn checksum_ranges(node: &Node) -> Result<()> {
    let size = 4 << 20;
    let handle = node.create(size)?;
    for (op, offset, length, seed) in [
        (2, 0, 4096, 0),
        (u32::MAX, 0, 4096, 0),
        (NOVA_GEM_CHECKSUM_READ, 0, 0, 0),
        (NOVA_GEM_CHECKSUM_READ, 0, CHECKSUM_MAX + 1, 0),
        (NOVA_GEM_CHECKSUM_READ, 0, u64::MAX, 0),
        (NOVA_GEM_CHECKSUM_READ, u64::MAX, 1, 0),
        (NOVA_GEM_CHECKSUM_READ, u64::MAX, 2, 0),
        (NOVA_GEM_CHECKSUM_READ, size, 1, 0),
        (NOVA_GEM_CHECKSUM_READ, size - 1, 2, 0),
        (NOVA_GEM_CHECKSUM_READ, 0, 4096, 1),
        (NOVA_GEM_CHECKSUM_FILL, size - 1, 2, 1),
    ] {
        let result = node.checksum(handle, op, offset, length, seed);
        expect(
            result,
            EINVAL,
            &format!("op {op} at {offset:#x}+{length:#x} seed {seed}"),
        )?;
    }
    // The last byte is still inside.
    node.checksum(handle, NOVA_GEM_CHECKSUM_READ, size - 1, 1, 0)?;
    ensure!(node.info(handle)? == size);
    Ok(())
}

fn mmap_beyond(node: &Node) -> Result<()> {
    let handle = node.create(4096)?;
    expect(
        node.map(handle, 8192),
        EINVAL,
        "two pages of a one-page object",
    )?;
    // Another file has no access to the offset.
    let mut arg = drm_nova_gem_mmap_offset {
        handle,
        ..Default::default()
    };
    node.call(DRM_NOVA_GEM_MMAP_OFFSET, &mut arg)?;
    let other = Node::open(&crate::node::find()?)?;
    let map = crate::mapping::Mapping::new(&other.file, arg.offset, 4096);
    expect(map, EACCES, "mapping another file's object")
}
