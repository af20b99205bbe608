// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Steps beside each other. An emulated machine keeps one processor busy and waits a lot, and so does a linker.
//!
//! Each runs in a process of its own, which is `cargo xtask test --exact NAME`. What it prints is shown when it fails.

use super::step::Outcome;
use crate::{host, lab::cleanup, run::step};
use anyhow::{anyhow, Context, Result};
use std::{
    collections::VecDeque,
    env,
    fs::{self, File},
    path::Path,
    process::Stdio,
    sync::Mutex,
    thread,
    time::Instant,
};

/// Runs these, at most `jobs` at a time; the outcomes are in the order of the names.
pub(super) fn run(names: Vec<String>, jobs: usize) -> Result<Vec<Outcome>> {
    let logs = host::target().join("xtask-test");
    fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    let queue: Mutex<VecDeque<_>> = Mutex::new(names.into_iter().enumerate().collect());
    let done = Mutex::new(Vec::new());
    // A poisoned lock means that a worker panicked, which the scope passes on.
    let next = || queue.lock().ok()?.pop_front();
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((index, name)) = next() {
                    let outcome = one(&name, &logs.join(format!("{index}.log")));
                    if let Ok(mut done) = done.lock() {
                        done.push((index, outcome));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
}

fn one(name: &str, log: &Path) -> Outcome {
    step(&format!("{name} …"));
    let start = Instant::now();
    let error = child(name, log).err();
    let took = start.elapsed();
    match &error {
        None => step(&format!("{name}: ok, {:.1} s", took.as_secs_f64())),
        Some(error) => {
            let said = fs::read(log).unwrap_or_default();
            eprintln!("{}", String::from_utf8_lossy(&said).trim_end());
            eprintln!("FAILED: {name}: {error:#}");
        }
    }
    Outcome {
        name: name.into(),
        took,
        error,
    }
}

fn child(name: &str, log: &Path) -> Result<()> {
    let log = File::create(log).with_context(|| format!("making {}", log.display()))?;
    let status = cleanup::bound(env::current_exe()?)
        .args(["test", "--exact", name])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .status()
        .context("starting the step")?;
    match status.success() {
        true => Ok(()),
        false => Err(anyhow!("{status}; what it printed is above")),
    }
}
