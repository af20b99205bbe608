// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Unloading and loading the module.

use crate::node::{self, Node};
use anyhow::{ensure, Context, Result};
use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// Unloads the module.
pub fn unload() -> Result<()> {
    let status = Command::new("rmmod").arg("virtio_nova").status()?;
    ensure!(status.success(), "rmmod virtio_nova: {status}");
    Ok(())
}

/// Loads the module and opens its node; returns also the time from the load to the first answered ioctl.
pub fn load() -> Result<(Node, Duration)> {
    let start = Instant::now();
    let status = Command::new("modprobe").arg("virtio_nova").status()?;
    ensure!(status.success(), "modprobe virtio_nova: {status}");
    // devtmpfs makes the node shortly after the device appears.
    let deadline = start + Duration::from_secs(60);
    let path = loop {
        match node::find() {
            Ok(path) => break path,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    };
    let node = Node::open(&path)?;
    node.query().context("QUERY")?;
    Ok((node, start.elapsed()))
}

/// Unloads and loads the module `times` times.
pub fn run(times: u32) -> Result<bool> {
    for round in 1..=times {
        unload()?;
        ensure!(node::find().is_err(), "the node outlived the module");
        let (node, _) = load()?;
        let buffer = crate::data::Buffer::new(&node, 1 << 16)?;
        buffer.fill_here(u64::from(round));
        buffer.device_agrees()?;
        println!("round {round}: ok");
    }
    Ok(true)
}
