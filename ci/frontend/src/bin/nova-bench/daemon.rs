// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The daemon that is measured, as a child process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

/// How long the daemon may take to listen.
// TIMEOUT: it takes milliseconds; the rest is for a machine that is busy.
const START: Duration = Duration::from_secs(10);

/// A running daemon, killed when dropped.
pub struct Daemon {
    child: Child,
    dir: tempfile::TempDir,
}

impl Daemon {
    /// Starts `program` with tenants `0`, `1`, ….
    pub fn start(program: &Path, tenants: usize) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.args(["serve", "--gpu", "model", "--log-level", "error"]);
        for tenant in 0..tenants {
            let socket = dir.path().join(tenant.to_string());
            command.arg(format!(
                "--tenant=name={tenant},socket={}",
                socket.display()
            ));
        }
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("starting {}", program.display()))?;
        let daemon = Self { child, dir };
        let deadline = Instant::now() + START;
        while !daemon.is_listening(tenants) {
            if Instant::now() > deadline {
                bail!("{} does not listen", program.display());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(daemon)
    }

    /// Sockets are made in order, so the last one says that all are there. Its permissions are
    /// set last of all.
    fn is_listening(&self, tenants: usize) -> bool {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(self.socket(tenants - 1))
            .is_ok_and(|metadata| metadata.permissions().mode() & 0o777 != 0)
    }

    /// Where a tenant connects.
    pub fn socket(&self, tenant: usize) -> PathBuf {
        self.dir.path().join(tenant.to_string())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory in KiB.
    pub fn rss_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let value = line.and_then(|line| line.split_whitespace().next());
        Ok(value.context("VmRSS")?.parse()?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
