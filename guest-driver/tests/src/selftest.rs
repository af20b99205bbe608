// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The kernel's self-test: its KTAP, and what the kernel has to say of it.

use crate::{epoll, kmsg::Kmsg};
use anyhow::{ensure, Context, Result};
use std::{fs, path::Path, process::Command, thread, time::Duration};

const MODULE: &str = "kernel_abi_selftest";

/// Taint that any such module brings: out of tree (12), unsigned (13).
const EXPECTED_TAINT: u64 = 1 << 12 | 1 << 13;

/// kmemleak says nothing of memory that is younger than five seconds.
const KMEMLEAK_AGE: Duration = Duration::from_secs(6);
const KMEMLEAK: &str = "/sys/kernel/debug/kmemleak";

/// Loads the module, prints its lines, unloads it; true when every test passed and the kernel did not complain.
pub fn run(parameters: &[String]) -> Result<bool> {
    let leaks = Leaks::begin()?;
    let mut log = Kmsg::at_end()?;
    command(
        "modprobe",
        [MODULE]
            .into_iter()
            .chain(parameters.iter().map(String::as_str)),
    )?;
    let polled = epoll::check();
    command("rmmod", [MODULE])?;
    let records = log.lines_of(MODULE)?;
    // What the loader says of the module comes before.
    let begin = records
        .iter()
        .position(|(_, line)| line.starts_with("KTAP version"));
    let records = begin.map_or(&records[..], |begin| &records[begin..]);
    let lines: Vec<String> = records.iter().map(|(_, line)| line.clone()).collect();
    for line in &lines {
        println!("{line}");
    }
    let mut passed = verdict(&lines)?;
    match polled {
        Ok(()) => println!("# epoll: ok"),
        Err(error) => {
            println!("# epoll: {error:#}");
            passed = false;
        }
    }
    if let Err(error) = printed(records) {
        println!("# {error:#}");
        passed = false;
    }
    let taint = tainted()?;
    if taint & !EXPECTED_TAINT != 0 {
        println!("# the kernel is tainted: {taint:#x}");
        passed = false;
    }
    for line in leaks.found()? {
        println!("# kmemleak: {line}");
        passed = false;
    }
    Ok(passed)
}

fn command<'a>(program: &str, args: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let status = Command::new(program).args(args).status();
    let status = status.with_context(|| format!("running {program}"))?;
    ensure!(status.success(), "{program}: {status}");
    Ok(())
}

/// The verdict of a KTAP log; an error when it is not whole.
fn verdict(lines: &[String]) -> Result<bool> {
    let plan = lines.iter().find_map(|line| line.strip_prefix("1.."));
    let plan: usize = plan.context("the log has no plan")?.parse()?;
    let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    let (ok, failed) = (count("ok "), count("not ok "));
    let totals = format!("# Totals: pass:{ok} fail:{failed} skip:0");
    ensure!(
        lines.last() == Some(&totals),
        "the log does not end in {totals:?}"
    );
    ensure!(
        ok + failed == plan,
        "{plan} tests were announced, {} ran",
        ok + failed
    );
    ensure!(plan > 0, "there are no tests");
    Ok(failed == 0)
}

/// The lines of `suite::macros`: one of each level, one that was cut.
fn printed(records: &[(u8, String)]) -> Result<()> {
    for level in 0..8 {
        let wanted = (level, format!("# level {level}"));
        ensure!(
            records.contains(&wanted),
            "no line {:?} of level {level}",
            wanted.1
        );
    }
    let cut = format!("# {}", "x".repeat(253));
    ensure!(
        records.contains(&(6, cut)),
        "no line that was cut after 255 bytes"
    );
    Ok(())
}

fn tainted() -> Result<u64> {
    let text = fs::read_to_string("/proc/sys/kernel/tainted")?;
    Ok(text.trim().parse()?)
}

/// Makes `/sys/kernel/debug` appear, where the kernel has it.
pub(crate) fn mount_debugfs() {
    let folder = "/sys/kernel/debug";
    let empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if empty {
        // Fails where the kernel has no debugfs; what looks for something there says so.
        let _ = Command::new("mount")
            .args(["-t", "debugfs", "debugfs", folder])
            .status();
    }
}

/// Watches for leaks, where the kernel can see them.
struct Leaks(bool);

impl Leaks {
    fn begin() -> Result<Self> {
        mount_debugfs();
        let there = Path::new(KMEMLEAK).exists();
        if there {
            fs::write(KMEMLEAK, "scan")?;
            fs::write(KMEMLEAK, "clear")?;
        }
        Ok(Self(there))
    }

    fn found(&self) -> Result<Vec<String>> {
        if !self.0 {
            return Ok(Vec::new());
        }
        thread::sleep(KMEMLEAK_AGE);
        // An object is reported when two scans have not found a pointer to it.
        fs::write(KMEMLEAK, "scan")?;
        fs::write(KMEMLEAK, "scan")?;
        let text = fs::read_to_string(KMEMLEAK)?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<bool> {
        verdict(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_level_must_be_there() {
        let mut records: Vec<(u8, String)> = (0..8)
            .map(|level| (level, format!("# level {level}")))
            .collect();
        assert!(printed(&records).is_err());
        records.push((6, format!("# {}", "x".repeat(253))));
        printed(&records).unwrap();
        records[3].0 = 6;
        assert!(printed(&records).is_err());
    }

    #[test]
    fn a_log_is_judged_when_it_is_whole() {
        assert!(of("KTAP version 1\n1..1\nok 1 a\n# Totals: pass:1 fail:0 skip:0").unwrap());
        let failed = "1..2\nok 1 a\n# why\nnot ok 2 b\n# Totals: pass:1 fail:1 skip:0";
        assert!(!of(failed).unwrap());
        for broken in [
            "",
            "1..0\n# Totals: pass:0 fail:0 skip:0",
            "1..2\nok 1 a\n# Totals: pass:1 fail:0 skip:0",
            "1..1\nok 1 a",
            "1..1\nok 1 a\n# Totals: pass:1 fail:0 skip:0\nok 2 b",
        ] {
            assert!(of(broken).is_err(), "{broken:?}");
        }
    }
}
