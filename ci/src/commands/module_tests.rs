// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tests of the module's build that need no machine: what it says of itself, and what it says when it cannot be built.

use crate::{guest, host, kernel::Kernel, run::quiet, tree::Tree};
use anyhow::{ensure, Context, Result};
use std::{collections::BTreeSet, fs};

/// What modinfo must show of `virtio_nova.ko`, and nothing else of these fields.
const VIRTIO_NOVA: &[&str] = &[
    "license=Dual MIT/GPL",
    "author=The vhost-nova project",
    "description=virtio-nova: a share of an NVIDIA GPU as a DRM render node",
    "alias=virtio:d00000006v*",
    "name=virtio_nova",
];

/// The fields that `module!` and the build write, and no tool adds to.
const FIELDS: &[&str] = &[
    "license",
    "author",
    "description",
    "alias",
    "name",
    "parm",
    "parmtype",
    "version",
];

/// modinfo shows what `module!` was told, for the kernel that it was built for, and the module that its symbols need.
pub(crate) fn metadata(tree: &Tree, kernel: &Kernel) -> Result<()> {
    let module = guest::module(tree, kernel)?;
    let folder = module.parent().context("a module without a folder")?;
    let line = "modinfo -0 /out/virtio_nova.ko | tr '\\0' '\\n'";
    let text = quiet(&mut tree.shell(folder, folder, line, false)?)?;
    let lines = || text.lines().filter_map(|line| line.split_once('='));
    let found: BTreeSet<String> = lines()
        .filter(|(name, _)| FIELDS.contains(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let wanted: BTreeSet<String> = VIRTIO_NOVA.iter().map(|line| (*line).to_owned()).collect();
    ensure!(found == wanted, "modinfo says {found:?}, not {wanted:?}");
    let value = |wanted: &str| {
        lines()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    };
    let depends = value("depends").context("no dependencies")?;
    ensure!(
        depends.split(',').any(|name| name == "drm_shmem_helper"),
        "modinfo's dependencies are {depends:?}"
    );
    let magic = value("vermagic").context("no vermagic")?;
    ensure!(
        magic.split(' ').next() == Some(kernel.release.as_str()),
        "it is built for {magic:?}"
    );
    Ok(())
}

/// A shell line before the build, the build's variables, and what it must say.
const REFUSALS: &[(&str, &str, &str)] = &[
    (
        "",
        "KDIR=/nowhere",
        "virtio_nova: no kernel headers in '/nowhere'; install linux-headers for this kernel or set KDIR",
    ),
    (
        "mkdir -p /out/k/include/config; echo 6.1.0-9 >/out/k/include/config/kernel.release; \
         echo CONFIG_DRM=m >/out/k/include/config/auto.conf",
        "KDIR=/out/k",
        "virtio_nova: kernel 6.1.0-9 is too old; 6.12 is the oldest that it can be built for",
    ),
    (
        "mkdir -p /out/k/include/config; echo 7.0.0 >/out/k/include/config/kernel.release; \
         echo CONFIG_NET=y >/out/k/include/config/auto.conf",
        "KDIR=/out/k",
        "virtio_nova: kernel 7.0.0 has no DRM (CONFIG_DRM); Debian's -cloud flavour is one of these",
    ),
    (
        "",
        "VENDOR=/out/none",
        "virtio_nova: no vendored crates in '/out/none'; run cargo xtask package or set VENDOR",
    ),
    (
        // The mount is of this shell alone.
        "mount -t tmpfs none $(ls -d /usr/src/linux-headers-@COMMON@)/include/drm",
        "",
        "virtio_nova: headers of this kernel are missing: drm/drm_device.h",
    ),
    (
        "printf '#!/bin/sh\\necho rustc 1.84.1\\n' >/out/rustc; chmod +x /out/rustc",
        "RUSTC=/out/rustc",
        "virtio_nova: rustc 1.85 or newer is needed, /out/rustc says \"rustc 1.84.1\"",
    ),
];

/// What is missing ends the build with one line that says so.
pub(crate) fn refusals(tree: &Tree, kernel: &Kernel) -> Result<()> {
    let out = host::target().join("refusals").join(&kernel.name);
    let common = kernel.release.replace("-amd64", "-common");
    for (before, variables, wanted) in REFUSALS {
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        guest::vendor(&out.join("vendor"))?;
        let before = before.replace("@COMMON@", &common);
        let line = format!(
            "{before}
             ! make -s -C /src/guest-driver KDIR=/usr/src/linux-headers-{} VENDOR=/out/vendor {variables} O=/out/x 2>&1",
            kernel.release
        );
        let text = quiet(&mut tree.shell(&host::checkout(), &out, &line, false)?)
            .with_context(|| format!("it was built with {variables:?} {before:?}"))?;
        let said: Vec<_> = text
            .lines()
            .filter(|line| line.contains("virtio_nova: "))
            .collect();
        ensure!(
            said.len() == 1 && said.iter().all(|line| line.contains(wanted)),
            "not one line with {wanted:?}:\n{text}"
        );
    }
    Ok(())
}
