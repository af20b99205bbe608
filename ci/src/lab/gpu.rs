// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The software GPU as a PCI device of a machine: `nova-model`, a vfio-user server.

use super::{
    cleanup::{bound, TempDir},
    Gpu,
};
use crate::{host, run};
use anyhow::{bail, ensure, Context, Result};
use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A running model that waits for its machine, or has one.
pub(crate) struct GpuModel {
    child: Child,
    dir: TempDir,
}

/// Builds the model and returns the program.
fn build() -> Result<PathBuf> {
    let mut cargo = host::cargo();
    cargo.args(["build", "--quiet", "--release", "--package", "nova-model"]);
    cargo.args(["--bin", "nova-model"]);
    run::loud(&mut cargo).context("building the GPU model")?;
    Ok(host::target().join("release/nova-model"))
}

impl GpuModel {
    /// Builds and starts a model with these further arguments; returns when its socket is there.
    pub(crate) fn start(args: &[&str]) -> Result<Self> {
        let program = build()?;
        let dir = TempDir::new()?;
        let log = File::create(dir.path().join("model.log"))?;
        let mut command = bound(&program);
        command.arg("--socket").arg(dir.path().join("gpu"));
        let child = command
            .args(args)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the GPU model")?;
        let mut model = Self { child, dir };
        model.wait_ready()?;
        Ok(model)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.socket().exists() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the GPU model ended ({status}):\n{}", self.log());
            }
            ensure!(
                Instant::now() < deadline,
                "the GPU model made no socket:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("gpu")
    }

    /// What a machine needs to have it.
    pub(crate) fn device(&self, iommu: bool) -> Gpu {
        Gpu {
            socket: self.socket(),
            iommu,
        }
    }

    /// The end of what it has printed.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// Bytes that the copy engines have written until each end of GSP-RM.
    pub(crate) fn copied(&self) -> Vec<u64> {
        copied(&self.log())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("model.log")).unwrap_or_default()
    }
}

/// The figures in the lines that the model ends with.
fn copied(log: &str) -> Vec<u64> {
    let figure = |line: &str| {
        let (_, rest) = line.split_once("GSP-RM has ended")?;
        let (_, figure) = rest.split_once("bytes=")?;
        let digits = figure
            .split(|letter: char| !letter.is_ascii_digit())
            .next()?;
        digits.parse().ok()
    };
    log.lines().filter_map(figure).collect()
}

impl Drop for GpuModel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_among_other_lines() {
        let log = "INFO GSP-RM ends\nINFO GSP-RM has ended; what copy engines have done launches=2 bytes=8192\nbytes=7";
        assert_eq!(copied(log), [8192]);
    }
}
