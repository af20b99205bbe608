// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a guest boots into: busybox, the modules that matter, programs, and a small agent.
//!
//! The guest has three serial ports: the kernel's log, the programs' output, and the agent's, which takes
//! command lines and answers with their status. So no program can pass for the agent.

use crate::{kernel::Kernel, run::quiet, tree::Tree};
use anyhow::{Context, Result};
use cpio::{newc, NewcBuilder};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Cursor},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

/// Modules that the device and the driver need, with what they need.
const MODULES: &[&str] = &["virtio_pci", "drm", "drm_shmem_helper"];

const INIT: &str = r#"#!/bin/sh
export PATH=/bin:/sbin:/usr/bin HOME=/ TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
mkdir -p /tmp
for port in /dev/ttyS1 /dev/ttyS2; do stty -F $port raw -echo; done
exec 3<>/dev/ttyS2
status=0
if [ -e /load ]; then modprobe virtio_nova >/dev/ttyS1 2>&1 || status=$?; fi
printf 'boot %d\n' $status >&3
while read -r line <&3; do
    sh -c "$line" </dev/null >/dev/ttyS1 2>&1 3>&-
    status=$?
    printf '\n\036\n' >/dev/ttyS1
    printf 'exit %d\n' $status >&3
done
"#;

/// A file for the guest.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    /// On the host.
    pub(crate) from: PathBuf,
    /// In the guest, absolute.
    pub(crate) to: String,
}

/// What goes in.
pub(crate) struct Contents<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) kernel: &'a Kernel,
    /// `virtio_nova.ko`; loaded at boot when there is one.
    pub(crate) module: Option<&'a Path>,
    pub(crate) extra: &'a [Extra],
    /// Modules of the kernel, beside those that the device and its driver need.
    pub(crate) modules: &'a [&'a str],
}

/// Writes the archive to `to`, with a folder beside it for what goes in.
pub(crate) fn write(contents: &Contents<'_>, to: &Path) -> Result<()> {
    let root = to.with_extension("root");
    let modules = root.join("lib/modules").join(&contents.kernel.release);
    for dir in ["bin", "sbin", "dev", "proc", "sys", "tmp", "usr/bin"] {
        fs::create_dir_all(root.join(dir))?;
    }
    fs::create_dir_all(modules.join("updates"))?;
    fs::copy(
        contents.tree.root().join("usr/bin/busybox"),
        root.join("bin/busybox"),
    )
    .context("the tree's busybox")?;
    for file in contents
        .kernel
        .closure(&[MODULES, contents.modules].concat())?
    {
        add_module(contents, &file, &modules)?;
    }
    if let Some(module) = contents.module {
        fs::copy(module, modules.join("updates/virtio_nova.ko"))?;
        fs::write(root.join("load"), "")?;
    }
    for extra in contents.extra {
        let place = root.join(extra.to.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap_or(&root))?;
        fs::copy(&extra.from, &place)
            .with_context(|| format!("adding {}", extra.from.display()))?;
    }
    for list in [
        "modules.order",
        "modules.builtin",
        "modules.builtin.modinfo",
    ] {
        let from = contents.kernel.modules.join(list);
        if from.exists() {
            fs::copy(from, modules.join(list))?;
        } else {
            fs::write(modules.join(list), "")?;
        }
    }
    let line = format!("depmod -b /out {}", contents.kernel.release);
    quiet(&mut contents.tree.shell(&root, &root, &line, false)?)?;
    let init = root.join("init");
    fs::write(&init, INIT)?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
    archive(&root, to)
}

/// Copies a module, decompressed: the guest's modprobe need not know how.
fn add_module(contents: &Contents<'_>, file: &Path, modules: &Path) -> Result<()> {
    let from = contents.kernel.modules.join(file);
    let to = modules.join(file);
    fs::create_dir_all(to.parent().unwrap_or(modules))?;
    let unpack = match file.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => Some("usr/bin/xz"),
        Some("zst") => Some("usr/bin/zstd"),
        _ => None,
    };
    match unpack {
        None => {
            fs::copy(&from, &to)?;
        }
        Some(program) => {
            let plain = File::create(to.with_extension(""))?;
            let status = contents
                .tree
                .program(program)
                .arg("-dc")
                .arg(&from)
                .stdin(Stdio::null())
                .stdout(plain)
                .status()?;
            anyhow::ensure!(status.success(), "unpacking {}: {status}", from.display());
        }
    }
    Ok(())
}

/// Packs a folder as the kernel unpacks it ("newc").
fn archive(root: &Path, to: &Path) -> Result<()> {
    let mut out = BufWriter::new(File::create(to)?);
    let mut number = 1;
    let mut todo = vec![PathBuf::new()];
    while let Some(dir) = todo.pop() {
        let mut entries = fs::read_dir(root.join(&dir))?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = dir.join(entry.file_name());
            let meta = entry.metadata()?;
            number += 1;
            let name = path.to_string_lossy();
            let header = NewcBuilder::new(&name).ino(number).uid(0).gid(0).nlink(1);
            if meta.is_dir() {
                header.mode(0o040_755).write(&mut out, 0).finish()?;
                todo.push(path);
            } else {
                let bytes = fs::read(entry.path())?;
                let len = u32::try_from(bytes.len()).context("a file above 4 GiB")?;
                let mut file = header.mode(0o100_755).write(&mut out, len);
                io::copy(&mut Cursor::new(bytes), &mut file)?;
                file.finish()?;
            }
        }
    }
    // The shell's commands, and the console that the kernel opens for init.
    for applet in APPLETS {
        number += 1;
        let name = format!("bin/{applet}");
        let link = b"/bin/busybox";
        let header = NewcBuilder::new(&name).ino(number).mode(0o120_777).nlink(1);
        let mut file = header.write(&mut out, link.len() as u32);
        io::copy(&mut Cursor::new(link), &mut file)?;
        file.finish()?;
    }
    newc::trailer(&mut out)?;
    Ok(())
}

const APPLETS: &[&str] = &[
    "[", "cat", "chmod", "cp", "cut", "date", "dd", "dmesg", "echo", "env", "false", "find",
    "grep", "head", "id", "insmod", "kill", "killall", "ln", "ls", "lsmod", "lspci", "md5sum",
    "modprobe", "mkdir", "mknod", "mount", "mv", "od", "pidof", "poweroff", "printf", "ps",
    "reboot", "rm", "rmdir", "rmmod", "sed", "seq", "sh", "sleep", "sort", "stty", "sync", "tail",
    "tee", "test", "timeout", "touch", "tr", "true", "umount", "uname", "uptime", "wc", "which",
    "xargs",
];
