// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Queues that signal, wait, and are lost; on a device with `NOVA_OPTION_WORK`.

use super::Test;
use crate::node::Node;
use anyhow::{ensure, Context, Result};
use kernel_abi::uapi::NOVA_LOST_MMU_FAULT;
use libc::{EINVAL, ENODEV, ENOSPC};
use nova_guest::{Gpu, Push, SyncObj, What};
use std::{
    io,
    os::fd::AsFd,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(60);

pub(super) const TESTS: &[Test] = &[
    ("queues: sync points on timelines, across queues", timelines),
    (
        "queues: a sync file outlives the file that made it",
        sync_file,
    ),
    ("queues: more submissions than can be under way", many),
    ("queues: a fault loses one queue, and others live on", fault),
    ("queues: files that are closed with work in them", closed),
];

fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err()?.raw_os_error()
}

fn timelines(_node: &Node) -> Result<()> {
    let gpu = Gpu::open()?;
    let vm = gpu.address_space()?;
    let (one, other) = (vm.queue(Default::default())?, vm.queue(Default::default())?);
    let (timeline, done) = (SyncObj::new(&gpu)?, SyncObj::new(&gpu)?);
    // A point that nobody has made cannot be waited for.
    let waits = [timeline.after_point(1)];
    ensure!(errno(one.submit(&[], &waits, &[])) == Some(EINVAL));
    for point in 1..=20 {
        let (queue, last) = match point % 2 {
            0 => (&one, point - 1),
            _ => (&other, point - 1),
        };
        let waits = [timeline.after_point(last)];
        let waits = if last == 0 { &[][..] } else { &waits };
        queue.submit(&[], waits, &[timeline.signal_point(point)])?;
    }
    vm.change_later(&[], &[timeline.after_point(20)], &[done.signal()])?;
    done.wait(LIMIT)?;
    timeline.wait_point(20, LIMIT)?;
    ensure!(timeline.point()? == 20);
    Ok(())
}

fn sync_file(_node: &Node) -> Result<()> {
    let file = {
        let gpu = Gpu::open()?;
        let queue = gpu.address_space()?.queue(Default::default())?;
        let done = SyncObj::new(&gpu)?;
        queue.submit(&[], &[], &[done.signal()])?;
        done.export_sync_file()?
    };
    let gpu = Gpu::open()?;
    let imported = SyncObj::new(&gpu)?;
    imported.import_sync_file(file.as_fd())?;
    // Work of another file waits for it: here, as the host has forgotten it.
    let queue = gpu.address_space()?.queue(Default::default())?;
    let done = SyncObj::new(&gpu)?;
    queue.submit(&[], &[imported.after()], &[done.signal()])?;
    Ok(done.wait(LIMIT)?)
}

fn many(_node: &Node) -> Result<()> {
    let gpu = Gpu::open()?;
    let queue = gpu.address_space()?.queue(Default::default())?;
    let done = SyncObj::new(&gpu)?;
    for _ in 0..10 * gpu.info()?.max_execs_in_flight {
        queue.submit(&[], &[], &[done.signal()])?;
    }
    Ok(done.wait(LIMIT)?)
}

fn fault(_node: &Node) -> Result<()> {
    let gpu = Gpu::open()?;
    let (vm, other) = (gpu.address_space()?, gpu.address_space()?);
    let (queue, living) = (
        vm.queue(Default::default())?,
        other.queue(Default::default())?,
    );
    // Nothing is mapped there.
    let push = Push {
        va: gpu.info()?.va_end - 4,
        len: 4,
        no_prefetch: false,
    };
    let done = SyncObj::new(&gpu)?;
    queue.submit(&[push], &[], &[done.signal()])?;
    done.wait(LIMIT).context("the submission that faults")?;
    let end = Instant::now() + LIMIT;
    let lost = loop {
        match gpu.events(Duration::from_millis(100))?.first() {
            Some(lost) => break *lost,
            None => ensure!(Instant::now() < end, "no event"),
        }
    };
    ensure!(lost.what == What::Queue(queue.id()), "{lost:?}");
    ensure!(lost.reason == NOVA_LOST_MMU_FAULT, "{lost:?}");
    ensure!(errno(queue.submit(&[], &[], &[])) == Some(ENODEV));
    let done = SyncObj::new(&gpu)?;
    living.submit(&[], &[], &[done.signal()])?;
    Ok(done.wait(LIMIT)?)
}

fn closed(_node: &Node) -> Result<()> {
    // More than there are slots of fence memory: all come back.
    let end = Instant::now() + LIMIT;
    let mut left = 200;
    while left > 0 {
        let gpu = Gpu::open()?;
        let made = gpu
            .address_space()
            .and_then(|vm| vm.queue(Default::default()));
        match made {
            Ok(queue) => queue.submit(&[], &[], &[])?,
            // What was closed before is not over yet.
            Err(error) if error.raw_os_error() == Some(ENOSPC) && Instant::now() < end => continue,
            Err(error) => return Err(error.into()),
        }
        left -= 1;
    }
    Ok(())
}
