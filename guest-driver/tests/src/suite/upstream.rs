// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The three ioctls as upstream's own `nova-drm` answers them: where our driver's tests say "upstream's semantics", this asks upstream.

use super::{bad_input, expect, uapi, Test};
use crate::node::{self, Node};
use anyhow::Result;
use libc::ENOENT;

pub(super) const TESTS: &[Test] = &[
    ("upstream: the driver is nova-drm", uapi::name),
    ("upstream: GETPARAM VRAM_BAR_SIZE", uapi::getparam),
    (
        "upstream: GEM_CREATE rounds up to pages",
        uapi::create_rounds,
    ),
    ("upstream: padding is not looked at", uapi::padding),
    (
        "upstream: a short argument is zero-extended",
        uapi::short_argument,
    ),
    (
        "upstream: GETPARAM of unknown parameters",
        bad_input::params,
    ),
    (
        "upstream: GEM_CREATE of zero and of too much",
        bad_input::sizes,
    ),
    ("upstream: unknown handles", handles),
    (
        "upstream: ioctl numbers beyond the table",
        bad_input::numbers,
    ),
];

fn handles(node: &Node) -> Result<()> {
    let handle = node.create(4096)?;
    node.close(handle)?;
    for handle in [0, handle, 1000, u32::MAX] {
        expect(node.info(handle), ENOENT, &format!("GEM_INFO {handle}"))?;
    }
    let other = Node::open(&node::find_primary()?)?;
    let foreign = other.create(4096)?;
    expect(node.info(foreign), ENOENT, "GEM_INFO of a foreign handle")
}
