// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Work that goes on until somebody ends it: what tests of killed guests and processes need.

use crate::{data, node, node::Node};
use anyhow::{ensure, Context, Result};
use std::{
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// Keeps objects, and creates and closes others, until killed.
pub fn run(objects: u32) -> Result<bool> {
    let node = Node::open(&node::find()?)?;
    let kept = data::scattered(&node, objects as usize, 1 << 18)?;
    for buffer in &kept {
        buffer.device_fills(7)?;
    }
    println!("ready");
    std::io::stdout().flush()?;
    loop {
        let buffer = data::Buffer::new(&node, 1 << 16)?;
        buffer.device_fills(9)?;
    }
}

/// Starts itself as a child that creates objects in a loop. The host is stopped from outside while that goes
/// on, so that the child waits for an answer that does not come; the child is killed and must be gone at once.
pub fn kill_waiter() -> Result<bool> {
    let mut child = Command::new("/proc/self/exe")
        .args(["hold", "--objects", "2"])
        .stdout(Stdio::null())
        .spawn()
        .context("starting the child")?;
    println!("stop the host now");
    std::io::stdout().flush()?;
    // Until the child waits in the kernel for the stopped host: asleep in the same place for a
    // while. A host that still answers keeps it running.
    let mut still = 0;
    while still < 20 {
        thread::sleep(Duration::from_millis(50));
        let wchan = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
        let state = wchan
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        still = if state == Some('D') || state == Some('S') {
            still + 1
        } else {
            0
        };
    }
    child.kill()?;
    let status = child.wait()?;
    ensure!(status.signal() == Some(9), "the child ended with {status}");
    println!("the waiter is gone: let the host go on");
    std::io::stdout().flush()?;
    // Answers again once the host goes on.
    let node = Node::open(&node::find()?)?;
    let buffer = data::Buffer::new(&node, 1 << 16)?;
    buffer.device_fills(11)?;
    println!("works again");
    Ok(true)
}

/// Creates and closes objects until the host, which is stopped from outside, does not answer any more: that call must
/// end by itself. Then until the host goes on.
pub fn silent_host() -> Result<bool> {
    let node = Node::open(&node::find()?)?;
    println!("stop the host now");
    std::io::stdout().flush()?;
    let error = loop {
        match node.create(1 << 16).and_then(|handle| node.close(handle)) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    ensure!(
        error.raw_os_error() == Some(libc::ETIMEDOUT),
        "a silent host is {error}"
    );
    println!("given up: let the host go on");
    std::io::stdout().flush()?;
    let handle = loop {
        match node.create(1 << 16) {
            Ok(handle) => break handle,
            Err(error) => ensure!(error.raw_os_error() == Some(libc::ETIMEDOUT), "{error}"),
        }
    };
    node.close(handle)?;
    let buffer = data::Buffer::new(&node, 1 << 16)?;
    buffer.device_fills(13)?;
    println!("works again");
    Ok(true)
}
