// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A host in a guest: cloud-hypervisor needs KVM, which QEMU's TCG can give to a guest.
//!
//! The outer guest (L1) has the daemon and cloud-hypervisor; the inner ones (L2) are the tenants. All programs
//! are static, as the outer guest has no libraries.

use super::{cleanup::TempDir, Vm, VmConfig};
use crate::{
    host,
    initramfs::{self, Contents, Extra},
    kernel::Kernel,
    run::{self, step},
    tree::Tree,
};
use anyhow::{ensure, Context, Result};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

/// What runs in the inner guests.
pub(crate) struct Inner<'a> {
    pub(crate) contents: Contents<'a>,
    pub(crate) command: &'a str,
    pub(crate) vms: u32,
    pub(crate) memory_mib: u32,
}

/// The inner guest's init: one program, its output and its status on the only serial port. `@MARK@` is drawn anew
/// each time, so that a program cannot print it by chance.
const ONCE: &str = r#"#!/bin/sh
export PATH=/bin:/sbin:/usr/bin HOME=/ TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
if [ -e /load ]; then modprobe virtio_nova || dmesg | tail; fi
@COMMAND@
status=$?
echo
echo "@MARK@ $status"
poweroff -f
"#;

/// The outer guest's part.
const HOST: &str = r#"
for round in 1 2 3 4; do for module in /kvm/*.ko; do insmod $module 2>/dev/null; done; done
[ -c /dev/kvm ] || { echo "no /dev/kvm: the outer guest has no virtualization"; dmesg | tail -5; exit 1; }
tenants=; i=0
while [ $i -lt @VMS@ ]; do tenants="$tenants --tenant name=vm$i,socket=/tmp/vm$i.sock"; i=$((i+1)); done
/bin/vhost-nova serve --gpu model $tenants 2>/tmp/daemon.log &
daemon=$!
tries=0
while [ ! -S /tmp/vm$((@VMS@-1)).sock ]; do
    tries=$((tries+1)); [ $tries -lt 200 ] || { cat /tmp/daemon.log; exit 1; }
    sleep 0.1
done
i=0; inner=
while [ $i -lt @VMS@ ]; do
    /bin/cloud-hypervisor --kernel /l2/vmlinuz --initramfs /l2/initramfs \
        --cmdline "console=ttyS0 quiet loglevel=1 panic=-1 rdinit=/bin/once" \
        --cpus boot=1 --memory size=@MEMORY@M,shared=on --serial tty --console off --seccomp false \
        --generic-vhost-user socket=/tmp/vm$i.sock,device_type=6,queue_sizes=[64,64] 2>&1 |
        while IFS= read -r line; do printf 'vm%d| %s\n' $i "$line"; done &
    inner="$inner $!"
    i=$((i+1))
done
wait $inner
kill $daemon; wait $daemon || { echo "the daemon failed"; cat /tmp/daemon.log; exit 1; }
"#;

/// Runs the inner guests and returns their statuses. `line` gets each line of their output, with its prefix.
pub(crate) fn run(
    tree: &Tree,
    cloud_hypervisor: &Path,
    inner: &Inner<'_>,
    timeout: Duration,
    verbose: bool,
    mut line: impl FnMut(&str),
) -> Result<Vec<i32>> {
    let kernel = Kernel::newest(tree)?;
    let dir = TempDir::new()?;
    let mark = dir
        .path()
        .file_name()
        .context("no name")?
        .to_string_lossy()
        .into_owned();
    let mut extra = inner_files(inner, dir.path(), &mark)?;
    extra.extend(kvm_modules(tree, &kernel, dir.path())?);
    for (program, name) in [
        (static_daemon()?, "vhost-nova"),
        (cloud_hypervisor.into(), "cloud-hypervisor"),
    ] {
        extra.push(file(program, &format!("/bin/{name}")));
    }
    let script = dir.path().join("host.sh");
    let text = HOST
        .replace("@VMS@", &inner.vms.to_string())
        .replace("@MEMORY@", &inner.memory_mib.to_string());
    fs::write(&script, text)?;
    extra.push(file(script, "/host.sh"));
    step(&format!(
        "booting {} inside a {} guest with KVM",
        inner.contents.kernel.name, kernel.name
    ));
    let contents = Contents {
        tree,
        kernel: &kernel,
        module: None,
        extra: &extra,
        modules: &[],
    };
    let mut vm = Vm::boot(&VmConfig {
        name: "host".into(),
        contents: &contents,
        socket: None,
        gpu: None,
        memory_mib: 1024 + inner.vms * (inner.memory_mib + 64),
        timeout,
        verbose,
    })?;
    let mut statuses = vec![None; inner.vms as usize];
    let output = vm.run("sh /host.sh", |text| match status(text.trim_end(), &mark) {
        Some((index, status)) => {
            if let Some(slot) = statuses.get_mut(index) {
                *slot = Some(status);
            }
        }
        None => line(text.trim_end()),
    })?;
    ensure!(
        output.status == 0,
        "the outer guest's host failed: {}",
        output.text
    );
    vm.power_off()?;
    statuses
        .into_iter()
        .enumerate()
        .map(|(index, status)| status.with_context(|| format!("vm{index} ended without a status")))
        .collect()
}

/// `vm1| MARK 0` is status 0 of machine 1.
fn status(line: &str, mark: &str) -> Option<(usize, i32)> {
    let (name, rest) = line.split_once("| ")?;
    let status = rest.strip_prefix(mark)?.trim().parse().ok()?;
    Some((name.strip_prefix("vm")?.parse().ok()?, status))
}

fn file(from: PathBuf, to: &str) -> Extra {
    Extra {
        from,
        to: to.into(),
    }
}

/// The inner guests' kernel and archive.
fn inner_files(inner: &Inner<'_>, dir: &Path, mark: &str) -> Result<Vec<Extra>> {
    let once = dir.join("once");
    fs::write(
        &once,
        ONCE.replace("@COMMAND@", inner.command)
            .replace("@MARK@", mark),
    )?;
    let mut extra = inner.contents.extra.to_vec();
    extra.push(file(once, "/bin/once"));
    let archive = dir.join("inner");
    initramfs::write(
        &Contents {
            extra: &extra,
            ..inner.contents
        },
        &archive,
    )?;
    Ok(vec![
        file(inner.contents.kernel.image.clone(), "/l2/vmlinuz"),
        file(archive, "/l2/initramfs"),
    ])
}

/// KVM's modules, unpacked.
fn kvm_modules(tree: &Tree, kernel: &Kernel, dir: &Path) -> Result<Vec<Extra>> {
    let mut extra = Vec::new();
    for module in kernel.closure(&["kvm-amd"])? {
        let name = module
            .file_stem()
            .context("no name")?
            .to_string_lossy()
            .into_owned();
        let plain = dir.join(&name);
        let status = tree
            .program("usr/bin/xz")
            .arg("-dc")
            .arg(kernel.modules.join(&module))
            .stdin(Stdio::null())
            .stdout(File::create(&plain)?)
            .status()?;
        ensure!(status.success(), "unpacking {}", module.display());
        extra.push(file(plain, &format!("/kvm/{name}")));
    }
    ensure!(!extra.is_empty(), "{} has no kvm-amd", kernel.name);
    Ok(extra)
}

/// The daemon, static.
pub(crate) fn static_daemon() -> Result<PathBuf> {
    static_program("vhost-nova", "vhost-nova")
}

/// A program of one of our packages, static: the outer guest has no libraries.
pub(crate) fn static_program(package: &str, name: &str) -> Result<PathBuf> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    let target = host::target().join("guest-programs");
    let mut cargo = host::cargo();
    cargo
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &target)
        .args(["build", "--quiet", "--release", "--package", package])
        .args(["--bin", name, "--target", TARGET]);
    run::loud(&mut cargo).with_context(|| format!("building a static {name}"))?;
    Ok(target.join(TARGET).join("release").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_found_by_their_mark() {
        assert_eq!(status("vm1| nova-lab-x 0", "nova-lab-x"), Some((1, 0)));
        assert_eq!(status("vm0| nova-lab-x 124", "nova-lab-x"), Some((0, 124)));
        assert_eq!(status("vm0| other 1", "nova-lab-x"), None);
        assert_eq!(status("nova-lab-x 0", "nova-lab-x"), None);
    }
}
