// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Random work from several processes, verified against a model of what memory must hold.

mod machine;
mod model;

use self::{
    machine::{Machine, Target},
    model::{Model, Random, Step},
};
use anyhow::{bail, ensure, Context, Result};
use std::{
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// Makes random steps on `target` until `go_on` says no more; returns how many.
fn work(
    target: &mut impl Target,
    random: &mut Random,
    mut go_on: impl FnMut() -> bool,
) -> Result<u64> {
    let mut model = Model::new();
    let mut steps = 0;
    while go_on() {
        let step = model.plan(random);
        let context = || format!("step {steps}: {step:?}");
        model.step(&step);
        match step {
            Step::Check { at, len } => {
                let (found, expected) = (
                    target.read(at, len).with_context(context)?,
                    model.read(at, len),
                );
                let differs = found
                    .iter()
                    .zip(&expected)
                    .position(|(one, other)| one != other);
                if let Some(index) = differs {
                    let page = model.space[(at + index) / model::PAGE];
                    bail!(
                        "{}: byte {index}, in {page:?}, is {:#04x} and not {:#04x}",
                        context(),
                        found[index],
                        expected[index]
                    );
                }
            }
            _ => target.step(&step).with_context(context)?,
        }
        if steps % 64 == 0 {
            model.forget();
        }
        steps += 1;
    }
    Ok(steps)
}

/// One process: works for `time`, or until it is killed.
pub fn child(seed: u64, time: Duration) -> Result<()> {
    let mut random = Random(seed);
    let end = Instant::now() + time;
    let mut steps = 0;
    // A file lives for some steps; then all that it has is closed at once.
    while Instant::now() < end {
        let mut machine = Machine::open()?;
        let mut left = 50 + random.below(400);
        steps += work(&mut machine, &mut random, || {
            left -= 1;
            left > 0 && Instant::now() < end
        })?;
    }
    println!("{steps} steps");
    Ok(())
}

fn start(seed: u64, left: Duration) -> Result<Child> {
    Command::new("/proc/self/exe")
        .arg("--child")
        .args(["--seed", &seed.to_string()])
        .args(["--seconds", &left.as_secs().max(1).to_string()])
        .spawn()
        .context("starting a process")
}

/// Keeps `processes` at work for `time`, and kills some of them now and then.
pub fn run(seed: u64, time: Duration, processes: u32) -> Result<()> {
    println!("seed {seed}");
    // What a machine without the device cannot do is said at once.
    drop(Machine::open()?);
    let mut random = Random(seed);
    let end = Instant::now() + time;
    let left = || end.saturating_duration_since(Instant::now());
    let mut children = Vec::new();
    for _ in 0..processes {
        children.push(start(random.next(), left())?);
    }
    let mut kills = 0;
    while !left().is_zero() && !children.is_empty() {
        thread::sleep(Duration::from_millis(50 + random.next() % 400).min(left()));
        let at = random.below(children.len());
        if let Some(status) = children[at].try_wait()? {
            ensure!(status.success(), "a process ended with {status}");
        } else if random.below(3) == 0 {
            children[at].kill()?;
            children[at].wait()?;
            kills += 1;
        } else {
            continue;
        }
        // Whoever is at its end is not asked again.
        match left() > Duration::from_secs(1) {
            true => children[at] = start(random.next(), left())?,
            false => drop(children.swap_remove(at)),
        }
    }
    for mut child in children {
        let status = child.wait()?;
        ensure!(status.success(), "a process ended with {status}");
    }
    println!("{processes} processes, {kills} killed: memory is as the model says");
    Ok(())
}

#[cfg(test)]
mod tests;
