// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! No orphans: temporary folders go on every way out. Processes go with their parent, which
//! they are started to watch (`setpriv --pdeathsig`).

use anyhow::{Context, Result};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Handles Ctrl-C and termination.
pub(crate) fn install() {
    let result = ctrlc::set_handler(|| {
        eprintln!("\nxtask: interrupted");
        now();
        std::process::exit(130);
    });
    if let Err(error) = result {
        eprintln!("xtask: Ctrl-C will leave temporary files: {error}");
    }
}

/// Removes the temporary folders that are left.
pub(crate) fn now() {
    let folders = FOLDERS.lock().map(|mut list| std::mem::take(&mut *list));
    for folder in folders.unwrap_or_default() {
        let _ = fs::remove_dir_all(folder);
    }
}

/// A temporary folder with a short path, as socket names are limited to 107 bytes.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("nova-lab-")
            .tempdir()
            .context("making a temporary folder")?
            .keep();
        if let Ok(mut list) = FOLDERS.lock() {
            list.push(dir.clone());
        }
        Ok(Self(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        if let Ok(mut list) = FOLDERS.lock() {
            list.retain(|dir| *dir != self.0);
        }
    }
}

/// A command that is killed when this process ends, however it ends.
pub(crate) fn bound(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}
