// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where things are, and what the machine must have.

use crate::{cli::Refusal, run};
use anyhow::{bail, Context, Result};
use nix::fcntl::{Flock, FlockArg};
use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};

/// The checkout.
pub(crate) fn checkout() -> PathBuf {
    // This crate is one folder below it.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Cargo's output folder.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| checkout().join("target"), PathBuf::from)
}

/// What outlives a checkout.
pub(crate) fn cache() -> Result<PathBuf> {
    if let Some(path) = env::var_os("VHOST_NOVA_CACHE") {
        return Ok(path.into());
    }
    let base = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => Path::new(&home).join(".cache"),
        (None, None) => bail!("neither VHOST_NOVA_CACHE nor HOME is set"),
    };
    Ok(base.join("vhost-nova"))
}

/// Keeps other processes from what this file stands for, until the answer is dropped.
pub(crate) fn lock(path: &Path, what: &str) -> Result<Flock<File>> {
    let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .or_else(|(file, _)| {
            run::step(&format!("waiting for another xtask, which makes {what}"));
            Flock::lock(file, FlockArg::LockExclusive)
        })
        .map_err(|(_, error)| error)
        .with_context(|| format!("locking {}", path.display()))
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(checkout());
    command
}

/// Programs that the host must have, and the Debian packages that bring them.
const PROGRAMS: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("cc", "gcc"),
    ("chroot", "coreutils"),
];
/// Files that it must have.
const FILES: &[(&str, &str)] = &[
    (
        "/usr/share/keyrings/debian-archive-trixie-stable.gpg",
        "debian-archive-keyring",
    ),
    ("/usr/lib/x86_64-linux-gnu/libc.a", "libc6-dev"),
];

fn missing() -> Vec<&'static str> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = |program: &str| {
        env::split_paths(&path)
            .chain(["/usr/sbin".into(), "/sbin".into()])
            .any(|dir| dir.join(program).exists())
    };
    let programs = PROGRAMS.iter().filter(|(program, _)| !found(program));
    // Newer Debian has the keys in .pgp files.
    let has =
        |file: &str| Path::new(file).exists() || Path::new(&file.replace(".gpg", ".pgp")).exists();
    let files = FILES.iter().filter(|(file, _)| !has(file));
    let mut packages: Vec<_> = programs.chain(files).map(|(_, package)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Installs what is missing as root; otherwise says how.
pub(crate) fn prepare() -> Result<()> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !is_root() {
        return Err(Refusal(format!(
            "this machine lacks some packages; run: sudo apt-get install --no-install-recommends {list}"
        ))
        .into());
    }
    run::step(&format!("installing {list}"));
    let mut update = Command::new("apt-get");
    run::quiet(update.args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(&packages);
    run::quiet(&mut install)?;
    let still = missing();
    if !still.is_empty() {
        bail!("still missing after installing {list}: {}", still.join(" "));
    }
    Ok(())
}

/// True for user 0.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Refuses what only root can do.
pub(crate) fn need_root(what: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    Err(Refusal(format!(
        "{what} needs root (mmdebstrap, chroot and bind mounts); run it with sudo"
    )))
    .context("not root")
}
