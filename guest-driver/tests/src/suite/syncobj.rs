// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Sync objects by DRM core's own ioctls: the node has them, binary and timelines.

use super::{expect, Test};
use crate::{node::Node, sys};
use anyhow::{ensure, Result};
use libc::{EINVAL, ENOENT, ETIME};
use std::{fs::File, io, os::fd::AsRawFd};

pub(super) const TESTS: &[Test] = &[
    ("syncobj: binary, waited for and reset", binary),
    ("syncobj: points of a timeline", timeline),
    (
        "syncobj: a sync file outlives the file that made it",
        sync_file,
    ),
    ("bad input: sync objects", bad_handles),
];

/// `DRM_IOCTL_SYNCOBJ_*`: number and argument, as 32-bit words.
fn call<const N: usize>(node: &Node, nr: u32, words: &mut [u32; N]) -> io::Result<()> {
    sys::ioctl(&node.file, sys::drm_iowr_core(nr, N * 4), words)
}

fn low(value: u64) -> u32 {
    value as u32
}

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

fn create(node: &Node, signaled: bool) -> io::Result<u32> {
    let mut words = [0, u32::from(signaled)];
    call(node, 0xbf, &mut words)?;
    Ok(words[0])
}

fn destroy(node: &Node, handle: u32) -> io::Result<()> {
    call(node, 0xc0, &mut [handle, 0])
}

/// Calls `nr`, whose argument begins with the address of one handle, and a count.
fn of_one(node: &Node, nr: u32, handle: u32) -> io::Result<()> {
    let handles = [handle];
    let at = handles.as_ptr() as u64;
    call(node, nr, &mut [low(at), high(at), 1, 0])
}

/// `DRM_IOCTL_SYNCOBJ_WAIT`, without waiting.
fn is_over(node: &Node, handle: u32) -> io::Result<()> {
    let handles = [handle];
    let at = handles.as_ptr() as u64;
    call(node, 0xc3, &mut [low(at), high(at), 0, 0, 1, 0, 0, 0, 0, 0])
}

/// `DRM_IOCTL_SYNCOBJ_QUERY` or `_TIMELINE_SIGNAL`, of one point.
fn point(node: &Node, nr: u32, handle: u32, point: &mut u64) -> io::Result<()> {
    let handles = [handle];
    let (at, points) = (handles.as_ptr() as u64, std::ptr::from_mut(point) as u64);
    let mut words = [low(at), high(at), low(points), high(points), 1, 0];
    call(node, nr, &mut words)
}

fn binary(node: &Node) -> Result<()> {
    let handle = create(node, true)?;
    is_over(node, handle)?;
    of_one(node, 0xc4, handle)?; // RESET
    expect(is_over(node, handle), EINVAL, "without a fence")?;
    of_one(node, 0xc5, handle)?; // SIGNAL
    is_over(node, handle)?;
    destroy(node, handle)?;
    expect(is_over(node, handle), ENOENT, "destroyed")
}

fn timeline(node: &Node) -> Result<()> {
    let handle = create(node, false)?;
    let mut value = 7;
    point(node, 0xcd, handle, &mut value)?; // TIMELINE_SIGNAL
    value = 0;
    point(node, 0xcb, handle, &mut value)?; // QUERY
    ensure!(value == 7, "the timeline is at {value}");
    let (handles, points) = ([handle], [8u64]);
    let (at, points) = (handles.as_ptr() as u64, points.as_ptr() as u64);
    let wait_for_submit = 2;
    let mut words = [
        low(at),
        high(at),
        low(points),
        high(points),
        0,
        0,
        1,
        wait_for_submit,
        0,
        0,
        0,
        0,
    ];
    expect(
        call(node, 0xca, &mut words),
        ETIME,
        "a point that nobody made",
    )?;
    Ok(destroy(node, handle)?)
}

fn sync_file(node: &Node) -> Result<()> {
    let export = |node: &Node, handle: u32| -> io::Result<File> {
        let export_sync_file = 1;
        let mut words = [handle, export_sync_file, u32::MAX, 0];
        call(node, 0xc1, &mut words)?;
        Ok(sys::owned(words[2]))
    };
    let other = Node::open(&crate::node::find()?)?;
    let handle = create(&other, true)?;
    let file = export(&other, handle)?;
    drop(other);
    let imported = create(node, false)?;
    let import_sync_file = 1;
    let fd = file.as_raw_fd() as u32;
    call(node, 0xc2, &mut [imported, import_sync_file, fd, 0])?;
    is_over(node, imported)?;
    Ok(destroy(node, imported)?)
}

fn bad_handles(node: &Node) -> Result<()> {
    for handle in [0, 1000, u32::MAX] {
        expect(destroy(node, handle), EINVAL, "SYNCOBJ_DESTROY")?;
        expect(is_over(node, handle), ENOENT, "SYNCOBJ_WAIT")?;
        expect(of_one(node, 0xc5, handle), ENOENT, "SYNCOBJ_SIGNAL")?;
    }
    expect(call(node, 0xbf, &mut [0, 2]), EINVAL, "unknown flags")
}
