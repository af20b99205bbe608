// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Allocations that fail, one after the other, on every path of the driver.
//!
//! A kernel with fault injection lets a task's n-th allocation fail (`Documentation/fault-injection`, `fail-nth`). Each
//! operation is tried with n = 1, 2, … until one try has had no failure: then there is no further allocation on its path.

use crate::{
    data,
    node::{self, Node},
    selftest,
};
use anyhow::{bail, ensure, Context, Result};
use kernel_abi::uapi::{NOVA_GEM_CHECKSUM_READ, NOVA_GETPARAM_VRAM_BAR_SIZE};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// More allocations than any path has: a bound for a path that never ends.
const MOST: u32 = 5000;
const SIZE: usize = 1 << 16;

/// Tries them all; prints a line for each path.
pub fn run() -> Result<bool> {
    prepare()?;
    let fault = Fault::new()?;
    let path = node::find()?;
    let open = |node: &mut Option<File>| {
        *node = Some(OpenOptions::new().read(true).write(true).open(&path)?);
        Ok(())
    };
    fault.try_all("open", || Ok(None), open, |_| Ok(()))?;
    let node = Node::open(&path)?;
    ioctls(&fault, &node)?;
    drop(node);
    probe(&fault)?;
    // It works after all that.
    let node = Node::open(&node::find()?)?;
    let buffer = data::Buffer::new(&node, SIZE)?;
    buffer.fill_here(7);
    buffer.device_agrees()?;
    Ok(true)
}

/// Lets allocations that may sleep fail too, which is not the default.
fn prepare() -> Result<()> {
    selftest::mount_debugfs();
    failslab("ignore-gfp-wait", "N")?;
    // The stack of each failure would bury the log.
    failslab("verbose", "0")
}

fn failslab(name: &str, value: &str) -> Result<()> {
    fs::write(Path::new("/sys/kernel/debug/failslab").join(name), value)
        .with_context(|| format!("failslab/{name}: has this kernel fault injection?"))
}

fn ioctls(fault: &Fault, node: &Node) -> Result<()> {
    let close = |handle: Option<u32>| handle.map_or(Ok(()), |handle| node.close(handle));
    let made = || node.create(SIZE as u64).map(Some);
    let made_handle = |handle: &Option<u32>| handle.unwrap_or_default();
    fault.try_all(
        "GEM_CREATE",
        || Ok(None),
        |handle| {
            *handle = Some(node.create(SIZE as u64)?);
            Ok(())
        },
        close,
    )?;
    fault.try_all(
        "GETPARAM",
        || Ok(()),
        |()| node.getparam(NOVA_GETPARAM_VRAM_BAR_SIZE).map(drop),
        |()| Ok(()),
    )?;
    fault.try_all("QUERY", || Ok(()), |()| node.query().map(drop), |()| Ok(()))?;
    fault.try_all(
        "GEM_INFO",
        made,
        |handle| node.info(made_handle(handle)).map(drop),
        close,
    )?;
    fault.try_all(
        "GEM_MMAP_OFFSET and mmap",
        made,
        |handle| node.map(made_handle(handle), SIZE).map(drop),
        close,
    )?;
    let sum = |handle: &mut Option<u32>| {
        let handle = made_handle(handle);
        node.checksum(handle, NOVA_GEM_CHECKSUM_READ, 0, SIZE as u64, 0)
            .map(drop)
    };
    fault.try_all("GEM_CHECKSUM", made, sum, close)
}

/// The function that makes a node's device.
const SPARED: &str = "drm_sysfs_minor_alloc";
/// How far up the stack it is looked for, the most that there is (`MAX_STACK_TRACE_DEPTH`).
const STACK_DEPTH: u32 = 32;

/// Lets no allocation fail that is made in a function of the kernel, or below it.
fn spare(function: &str) -> Result<()> {
    let symbols = fs::read_to_string("/proc/kallsyms").context("/proc/kallsyms")?;
    let symbols = symbols.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((address, words.nth(1)?))
    });
    let symbols: Vec<_> = symbols.collect();
    let start = symbols.iter().find(|(_, name)| *name == function);
    let (start, _) = start.with_context(|| format!("the kernel has no {function}"))?;
    let above = symbols.iter().map(|(at, _)| *at).filter(|at| at > start);
    let end = above.min().context("no symbol above")?;
    failslab("stacktrace-depth", &STACK_DEPTH.to_string())?;
    failslab("reject-start", &format!("{start:#x}"))?;
    failslab("reject-end", &format!("{end:#x}"))
}

/// Binds the driver to its device, again and again.
///
/// Linux 7.3 does not survive one of these failures: `drm_minor_alloc()` registers its release before it makes the node's
/// device, and the release then gives an error pointer to `put_device()`. Allocations in [`SPARED`] do not fail.
fn probe(fault: &Fault) -> Result<()> {
    spare(SPARED)?;
    let driver = PathBuf::from("/sys/bus/virtio/drivers/virtio_nova");
    let device = fs::read_dir(&driver)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|name| name.starts_with("virtio"))
        .context("no device is bound")?;
    let file = |name: &str| OpenOptions::new().write(true).open(driver.join(name));
    let unbind = || match driver.join(&device).exists() {
        true => file("unbind")?.write_all(device.as_bytes()),
        false => Ok(()),
    };
    unbind()?;
    let bind = |file: &mut File| file.write_all(device.as_bytes());
    fault.try_all("probe", || file("bind"), bind, |_| unbind())?;
    bind(&mut file("bind")?).context("binding after all failures")
}

/// The calling thread's `fail-nth`. It stays open, so that using it allocates nothing.
struct Fault(File);

impl Fault {
    fn new() -> Result<Self> {
        let path = "/proc/thread-self/fail-nth";
        let file = OpenOptions::new().read(true).write(true).open(path);
        Ok(Self(
            file.context("fail-nth: has this kernel fault injection?")?,
        ))
    }

    fn set(&self, nth: u32) -> io::Result<()> {
        self.0.write_all_at(nth.to_string().as_bytes(), 0)
    }

    /// How many allocations are left until one fails; 0 when it has failed.
    fn left(&self) -> Result<u32> {
        let mut text = [0; 16];
        let len = self.0.read_at(&mut text, 0)?;
        let text = std::str::from_utf8(text.get(..len).unwrap_or_default())?;
        Ok(text.trim().parse()?)
    }

    /// Tries `run` with each of its allocations failing. `before` and `after` are spared.
    fn try_all<S>(
        &self,
        name: &str,
        mut before: impl FnMut() -> io::Result<S>,
        mut run: impl FnMut(&mut S) -> io::Result<()>,
        mut after: impl FnMut(S) -> io::Result<()>,
    ) -> Result<()> {
        let mut ended = 0;
        for nth in 1..MOST {
            let mut state = before().with_context(|| format!("before {name}"))?;
            self.set(nth)?;
            let result = run(&mut state);
            let failed = self.left()? == 0;
            self.set(0)?;
            after(state).with_context(|| format!("after {name}, allocation {nth}"))?;
            match result {
                Ok(()) if !failed => {
                    println!(
                        "{name}: {} allocations, {ended} failures ended it with ENOMEM",
                        nth - 1
                    );
                    return Ok(());
                }
                // The kernel had something else to try.
                Ok(()) => {}
                Err(error) => {
                    ensure!(failed, "{name}: without a failed allocation: {error}");
                    let errno = error.raw_os_error();
                    // shmem's own words for an inode that it could not allocate (`new_inode()` in mm/shmem.c).
                    let no_inode = name == "GEM_CREATE" && errno == Some(libc::ENOSPC);
                    ensure!(
                        no_inode || errno == Some(libc::ENOMEM),
                        "{name}: allocation {nth} fails: {error}"
                    );
                    ended += 1;
                }
            }
        }
        bail!("{name}: more than {MOST} allocations")
    }
}
