// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The daemon, as a user starts it.

use super::cleanup::{bound, TempDir};
use crate::{host, run};
use anyhow::{bail, ensure, Context, Result};
use nix::{
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A running daemon with one tenant a socket.
pub(crate) struct Daemon {
    child: Child,
    dir: TempDir,
    tenants: Vec<String>,
}

/// Builds the daemon and returns the program.
pub(crate) fn build() -> Result<PathBuf> {
    let mut cargo = host::cargo();
    cargo.args(["build", "--quiet", "--release", "--package", "vhost-nova"]);
    run::loud(&mut cargo).context("building the daemon")?;
    Ok(host::target().join("release/vhost-nova"))
}

impl Daemon {
    /// Builds and starts the daemon with tenants of these names; returns when their sockets are there.
    pub(crate) fn start(tenants: &[String]) -> Result<Self> {
        let program = build()?;
        let dir = TempDir::new()?;
        let log = File::create(dir.path().join("daemon.log"))?;
        let mut command = bound(&program);
        command.args(["serve", "--gpu", "model", "--log-level", "debug"]);
        for tenant in tenants {
            let socket = dir.path().join(format!("{tenant}.sock"));
            command
                .arg("--tenant")
                .arg(format!("name={tenant},socket={}", socket.display()));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting the daemon")?;
        let mut daemon = Self {
            child,
            dir,
            tenants: tenants.to_vec(),
        };
        daemon.wait_ready()?;
        Ok(daemon)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self
            .tenants
            .iter()
            .all(|tenant| self.socket(tenant).exists())
        {
            if let Some(status) = self.child.try_wait()? {
                bail!("the daemon ended ({status}):\n{}", self.log());
            }
            ensure!(
                Instant::now() < deadline,
                "the daemon made no socket:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// A tenant's socket.
    pub(crate) fn socket(&self, tenant: &str) -> PathBuf {
        self.dir.path().join(format!("{tenant}.sock"))
    }

    /// What it has logged so far, without colours.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("daemon.log")).unwrap_or_default()
    }

    /// Waits until a line of the log holds all of `parts`.
    pub(crate) fn wait_log(&self, parts: &[&str]) -> Result<()> {
        self.wait_line(&format!("{parts:?}"), |line| {
            parts.iter().all(|part| line.contains(part))
        })
    }

    /// Waits until the log says that `tenant` lost this many objects at once, or more, by `event`: "reset" or
    /// "disconnected". A device without objects says it too, at each boot.
    pub(crate) fn wait_freed(&self, tenant: &str, event: &str, at_least: u32) -> Result<()> {
        let what = format!("{tenant} {event} with at least {at_least} objects");
        self.wait_line(&what, |line| {
            line.contains(tenant) && freed(line, event).is_some_and(|freed| freed >= at_least)
        })
    }

    fn wait_line(&self, what: &str, found: impl Fn(&str) -> bool) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let log = self.log();
            if log.lines().any(&found) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "the daemon never logged {what}:\n{log}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The end of the log, for a user who looks for a cause.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).context("pid")?;
        kill(Pid::from_raw(pid), signal).with_context(|| format!("{signal} to the daemon"))
    }

    /// Holds the daemon, so that nothing is answered.
    pub(crate) fn stop(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Ends it as an operator does; it must exit with 0 and leave no socket.
    pub(crate) fn terminate(mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(
                Instant::now() < deadline,
                "the daemon does not stop:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(10));
        };
        ensure!(
            status.success(),
            "the daemon ended with {status}:\n{}",
            self.log()
        );
        for tenant in &self.tenants {
            ensure!(
                !self.socket(tenant).exists(),
                "the socket of {tenant} was left"
            );
        }
        Ok(())
    }
}

/// The number in `…<event>, N objects freed…`.
fn freed(line: &str, event: &str) -> Option<u32> {
    let (_, rest) = line.split_once(&format!("{event}, "))?;
    rest.split_once(" objects freed")?.0.parse().ok()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.go_on();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_objects_are_counted() {
        let line = "INFO tenant=bob reset, 17 objects freed";
        assert_eq!(freed(line, "reset"), Some(17));
        assert_eq!(freed(line, "disconnected"), None);
        assert_eq!(freed("bob reset, all objects freed", "reset"), None);
    }
}
