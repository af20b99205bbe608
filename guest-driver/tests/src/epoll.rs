// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The self-test's file under epoll: who waits is woken, and its condition variable may go first.

use anyhow::{ensure, Context, Result};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::fd::AsRawFd,
};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

const FILE: &str = "/dev/kernel_abi_selftest";
/// Long enough for whatever machine; what is awaited ends it.
const PATIENCE_MS: i32 = 60_000;

/// The module must be loaded.
pub fn check() -> Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(FILE)
        .with_context(|| format!("opening {FILE}"))?;
    ensure!(
        OpenOptions::new().write(true).open(FILE).is_err(),
        "{FILE} opens twice"
    );
    let epoll = Epoll::new()?;
    epoll.ctl(
        ControlOperation::Add,
        file.as_raw_fd(),
        EpollEvent::new(EventSet::IN, 7),
    )?;
    ensure!(ready(&epoll, 0)? == 0, "readable before anything was");
    tell(&mut file, "wake")?;
    ensure!(ready(&epoll, PATIENCE_MS)? == 1, "a wake-up was lost");
    tell(&mut file, "calm")?;
    ensure!(ready(&epoll, 0)? == 0, "readable after it was calmed");
    // epoll still holds the file, whose queue ends.
    tell(&mut file, "free")?;
    ensure!(ready(&epoll, 0)? == 0, "readable without a queue");
    drop(epoll);
    Ok(())
}

/// How many of its files are ready, within so many milliseconds.
fn ready(epoll: &Epoll, timeout_ms: i32) -> Result<usize> {
    let mut events = [EpollEvent::default(); 2];
    let count = epoll.wait(timeout_ms, &mut events)?;
    for event in &events[..count] {
        ensure!(
            event.data() == 7 && event.event_set() == EventSet::IN,
            "another event: {event:?}"
        );
    }
    Ok(count)
}

fn tell(file: &mut File, word: &str) -> Result<()> {
    file.write_all(word.as_bytes())
        .with_context(|| format!("writing {word:?} to {FILE}"))
}
