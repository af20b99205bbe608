// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Which CPU a thread or a whole process runs on.

use anyhow::{Context, Result};
use nix::sched::{sched_getaffinity, sched_setaffinity, CpuSet};
use nix::unistd::Pid;

fn only(cpu: usize) -> Result<CpuSet> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(set)
}

/// Pins the calling thread, and what it starts from now on.
pub fn this_thread(cpu: usize) -> Result<()> {
    let pinned = sched_setaffinity(Pid::from_raw(0), &only(cpu)?);
    pinned.with_context(|| format!("pinning to CPU {cpu}"))
}

/// Pins every thread of a process.
pub fn process(pid: u32, cpu: usize) -> Result<()> {
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.file_name();
        let task = task.to_str().context("a thread id")?.parse()?;
        sched_setaffinity(Pid::from_raw(task), &only(cpu)?)?;
    }
    Ok(())
}

/// A CPU of this machine that is not `cpu`.
pub fn another(cpu: usize) -> Result<Option<usize>> {
    // The parent's choice: this thread is pinned by now.
    let allowed = sched_getaffinity(nix::unistd::getppid())?;
    let other = |&other: &usize| other != cpu && allowed.is_set(other).unwrap_or(false);
    Ok((0..CpuSet::count()).find(other))
}
