// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Running programs, with progress.

use anyhow::{bail, Context, Result};
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Says what is going on, with the time since the start.
pub(crate) fn step(what: &str) {
    static START: OnceLock<Instant> = OnceLock::new();
    let seconds = START.get_or_init(Instant::now).elapsed().as_secs();
    eprintln!("[{:>2}:{:02}] {what}", seconds / 60, seconds % 60);
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned()),
    );
    let line = words.join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Runs a program whose output the user sees.
pub(crate) fn loud(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if !status.success() {
        bail!("{}: {status}", shown(command));
    }
    Ok(())
}

/// Runs a program and returns what it printed, standard error too; the user sees it only on a failure.
pub(crate) fn quiet(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        eprintln!("{}", text.trim_end());
        bail!("{}: {}", shown(command), output.status);
    }
    Ok(text)
}

/// Runs a program that takes minutes. What it prints counts as progress, which is shown now and then; the end of it is shown on a
/// failure. Only standard output is read.
pub(crate) fn long(command: &mut Command, what: &str) -> Result<()> {
    const EVERY: Duration = Duration::from_secs(30);
    const TAIL: usize = 40;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    let output = child.stdout.take().context("no output")?;
    let (mut count, mut said, mut tail) = (0, Instant::now(), VecDeque::new());
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).trim().to_owned();
        count += 1;
        if said.elapsed() > EVERY {
            said = Instant::now();
            step(&format!("{what}: {count} steps done, now {line}"));
        }
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    let status = child.wait()?;
    if !status.success() {
        eprintln!("{}", Vec::from(tail).join("\n"));
        bail!("{}: {status}", shown(command));
    }
    Ok(())
}
