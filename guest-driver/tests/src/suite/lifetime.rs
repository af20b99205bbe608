// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who keeps what alive.

use super::{expect, Test};
use crate::{
    data::Buffer,
    mapping::Mapping,
    node::{self, Node},
    sys,
};
use anyhow::{ensure, Context, Result};
use kernel_abi::uapi::*;
use libc::ENOENT;
use std::{
    os::fd::{FromRawFd, OwnedFd},
    process::{Command, Stdio},
    sync::Barrier,
    thread,
};

pub(super) const TESTS: &[Test] = &[
    ("lifetime: create and close many times", churn),
    (
        "lifetime: a mapping outlives handle and file",
        mapping_outlives,
    ),
    ("lifetime: closing a file frees what it held", closing_frees),
    (
        "lifetime: an object shared by PRIME between two files",
        prime,
    ),
    (
        "lifetime: files that import one object at the same moment",
        importers,
    ),
    ("lifetime: several threads on one file", threads),
    ("lifetime: killed processes", killed),
];

fn churn(node: &Node) -> Result<()> {
    for round in 0..200 {
        let handle = node.create(8192)?;
        if round % 10 == 0 {
            node.checksum(handle, NOVA_GEM_CHECKSUM_FILL, 0, 8192, round)?;
        }
        node.close(handle)?;
        expect(node.info(handle), ENOENT, "after closing")?;
    }
    Ok(())
}

fn mapping_outlives(_node: &Node) -> Result<()> {
    let mapping = {
        let node = Node::open(&node::find()?)?;
        let buffer = Buffer::new(&node, 64 << 10)?;
        buffer.device_fills(21)?;
        let mut arg = drm_nova_gem_mmap_offset {
            handle: buffer.handle,
            ..Default::default()
        };
        node.call(DRM_NOVA_GEM_MMAP_OFFSET, &mut arg)?;
        Mapping::new(&node.file, arg.offset, 64 << 10)?
    };
    let mut expected = vec![0; 64 << 10];
    crate::data::pattern(21, 0, &mut expected);
    ensure!(mapping.crc32(0, 64 << 10) == crc32fast::hash(&expected));
    mapping.write(0, b"still writable");
    Ok(())
}

fn closing_frees(_node: &Node) -> Result<()> {
    // More in sum than the host lets exist at once, in files that are closed without closing handles.
    for _ in 0..4 {
        let node = Node::open(&node::find()?)?;
        for _ in 0..100 {
            node.create(4096)?;
        }
    }
    for _ in 0..1100 {
        // More files in sum than the host has contexts.
        Node::open(&node::find()?)?.query()?;
    }
    Ok(())
}

#[repr(C)]
#[derive(Clone, Copy)]
struct PrimeHandle {
    handle: u32,
    flags: u32,
    fd: i32,
}

#[allow(unsafe_code)] // the kernel made the descriptor for us
fn export(node: &Node, handle: u32) -> Result<OwnedFd> {
    let mut arg = PrimeHandle {
        handle,
        flags: libc::O_CLOEXEC as u32 | libc::O_RDWR as u32,
        fd: -1,
    };
    let request = sys::drm_iowr_core(0x2d, size_of::<PrimeHandle>());
    sys::ioctl(&node.file, request, &mut arg).context("PRIME_HANDLE_TO_FD")?;
    // SAFETY: the ioctl made this descriptor and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(arg.fd) })
}

fn import(node: &Node, fd: &OwnedFd) -> Result<u32> {
    use std::os::fd::AsRawFd;
    let mut arg = PrimeHandle {
        handle: 0,
        flags: 0,
        fd: fd.as_raw_fd(),
    };
    let request = sys::drm_iowr_core(0x2e, size_of::<PrimeHandle>());
    sys::ioctl(&node.file, request, &mut arg).context("PRIME_FD_TO_HANDLE")?;
    Ok(arg.handle)
}

fn prime(node: &Node) -> Result<()> {
    let other = Node::open(&node::find()?)?;
    // A number that the first file does not use, so that the two cannot be mixed up.
    let _other_handles = [other.create(4096)?, other.create(4096)?];
    let buffer = Buffer::new(node, 128 << 10)?;
    buffer.fill_here(31);
    let fd = export(node, buffer.handle)?;
    let handle = import(&other, &fd)?;
    ensure!(other.info(handle)? == 128 << 10);
    let expected = buffer.mapping.crc32(0, 128 << 10);
    let through_other = other.checksum(handle, NOVA_GEM_CHECKSUM_READ, 0, 128 << 10, 0)?;
    ensure!(
        through_other == expected,
        "before the first handle is closed"
    );
    drop(buffer);
    let after = other.checksum(handle, NOVA_GEM_CHECKSUM_READ, 0, 128 << 10, 0)?;
    ensure!(after == expected, "after the first handle is closed");
    // And back, when no handle is left but the exported file.
    other.close(handle)?;
    let again = import(node, &fd)?;
    let back = node.checksum(again, NOVA_GEM_CHECKSUM_READ, 0, 128 << 10, 0)?;
    ensure!(back == expected, "after a second import");
    Ok(node.close(again)?)
}

fn importers(node: &Node) -> Result<()> {
    const FILES: usize = 4;
    let path = node::find()?;
    for round in 0..40 {
        let others = (0..FILES)
            .map(|_| Node::open(&path))
            .collect::<Result<Vec<_>>>()?;
        let buffer = Buffer::new(node, 32 << 10)?;
        buffer.fill_here(round);
        let expected = buffer.mapping.crc32(0, 32 << 10);
        let fd = export(node, buffer.handle)?;
        // In every other round there is no handle left when they come, so that they make the host's object.
        let kept = (round % 2 == 0).then_some(buffer);
        let start = Barrier::new(FILES);
        thread::scope(|scope| {
            let workers: Vec<_> = others
                .iter()
                .map(|other| {
                    scope.spawn(|| -> Result<()> {
                        start.wait();
                        let handle = import(other, &fd)?;
                        let crc = other.checksum(handle, NOVA_GEM_CHECKSUM_READ, 0, 32 << 10, 0)?;
                        ensure!(crc == expected, "round {round}: {crc:#x}");
                        Ok(other.close(handle)?)
                    })
                })
                .collect();
            for worker in workers {
                worker
                    .join()
                    .map_err(|_| anyhow::anyhow!("a worker panicked"))??;
            }
            anyhow::Ok(())
        })?;
        drop(kept);
    }
    Ok(())
}

fn threads(node: &Node) -> Result<()> {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..4u64)
            .map(|index| {
                scope.spawn(move || -> Result<()> {
                    for round in 0..20 {
                        let buffer = Buffer::new(node, 32 << 10)?;
                        buffer.fill_here(index * 100 + round);
                        buffer.device_agrees()?;
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            worker
                .join()
                .map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        Ok(())
    })
}

fn killed(node: &Node) -> Result<()> {
    for delay in [0, 1, 5, 20, 50] {
        let mut child = Command::new("/proc/self/exe")
            .args(["hold", "--objects", "4"])
            .stdout(Stdio::null())
            .spawn()?;
        thread::sleep(std::time::Duration::from_millis(delay * 4));
        child.kill()?;
        child.wait()?;
    }
    let buffer = Buffer::new(node, 64 << 10)?;
    buffer.device_fills(41)
}
