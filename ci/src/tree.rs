// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The tool tree: a Debian 13 with QEMU 11.1, Debian's kernels, their headers, and what builds modules and kernels.
//!
//! It lies in the cache ([`cached`]). Backports keep only the newest version of a package: what is there is taken, and
//! found by looking. What only some commands need is not in the tree but in folders of its own, so that the
//! tree need not be made anew for it: see [`Tree::download`].

use crate::{
    cached, host,
    lab::cleanup::bound,
    mirror,
    run::{quiet, step},
};
use anyhow::{ensure, Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCES: &[&str] = &[
    "deb @DEBIAN@ trixie main",
    "deb @DEBIAN@ trixie-backports main",
    "deb @SECURITY@ trixie-security main",
];

/// From trixie.
const PACKAGES: &str =
    "build-essential rustc rust-src rust-clippy bindgen clang-19 libclang-19-dev \
    dwarves kmod zstd xz-utils busybox-static dkms bc file linux-headers-amd64 \
    flex bison libelf-dev libssl-dev";

/// From trixie-backports, beside trixie's.
const BACKPORTS: &str = "linux-headers-amd64 linux-headers-rt-amd64 qemu-system-x86";

/// Runs in the tree: installs the rest, and unpacks an image and its modules for each kernel whose headers are
/// there. 7.x splits the image package; 6.12 does not.
const FINISH: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends -t trixie-backports @BACKPORTS@
mkdir -p /kernels/dl
cd /kernels/dl
for headers in /usr/src/linux-headers-*-amd64; do
    release=${headers#/usr/src/linux-headers-}
    version=$(dpkg-query -W -f '${Version}' "linux-headers-$release")
    name=debian-$(echo "$release" | cut -d. -f1,2)
    case "$release" in *-rt-amd64) name=$name-rt ;; esac
    if apt-cache show "linux-binary-$release" >/dev/null 2>&1; then
        packages="linux-binary-$release linux-modules-$release"
    else
        packages="linux-image-$release"
    fi
    for package in $packages; do
        apt-get download -qq "$package=$version"
        dpkg-deb -x "$package"_*.deb "/kernels/$name"
    done
    echo "$release" > "/kernels/$name/release"
    depmod -b "/kernels/$name/usr" "$release"
done
rm -rf /kernels/dl
apt-get clean
mkdir -p /src /out /kdir
"#;

/// A prepared tree.
#[derive(Clone)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree of this recipe; makes it when it is not there.
    pub(crate) fn prepare() -> Result<Self> {
        let sources = mirror::sources(SOURCES)?;
        let recipe = [&sources.join("\n"), PACKAGES, BACKPORTS, FINISH].join("\n");
        let root = cached::folder("tree", &recipe, |unfinished| {
            host::need_root("making the tool tree")?;
            host::prepare()?;
            make(unfinished, &sources)
        })?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A program of the tree that runs on the host, with the tree's libraries.
    pub(crate) fn program(&self, path: &str) -> Command {
        let mut command = Command::new(self.root.join("lib64/ld-linux-x86-64.so.2"));
        let libraries = [
            self.root.join("usr/lib/x86_64-linux-gnu"),
            self.root.join("lib/x86_64-linux-gnu"),
        ]
        .map(|path| path.to_string_lossy().into_owned())
        .join(":");
        command
            .arg("--library-path")
            .arg(libraries)
            .arg(self.root.join(path));
        command
    }

    /// A shell line inside the tree, with `source` at /src and `out` at /out. Mounts and, if asked, the missing network are
    /// of this process alone.
    pub(crate) fn shell(
        &self,
        source: &Path,
        out: &Path,
        line: &str,
        network: bool,
    ) -> Result<Command> {
        fs::create_dir_all(out)?;
        self.shell_at(&[(source, "src"), (out, "out")], line, network)
    }

    /// The same with other folders: pairs of a folder and its place in the tree, which has src, out and kdir for it.
    pub(crate) fn shell_at(
        &self,
        places: &[(&Path, &str)],
        line: &str,
        network: bool,
    ) -> Result<Command> {
        const SCRIPT: &str = "root=$1; line=$2; shift 2; \
             while [ $# -gt 0 ]; do mount --bind \"$1\" \"$root/$2\"; shift 2; done; \
             mount -t proc proc \"$root/proc\"; mount --bind /dev \"$root/dev\"; \
             exec chroot \"$root\" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root sh -euc \"$line\"";
        host::need_root("working in the tool tree")?;
        let mut command = contained();
        if !network {
            command.arg("--net");
        }
        command.args(["--", "sh", "-euc", SCRIPT, "sh"]);
        command.arg(&self.root).arg(line);
        for (folder, place) in places {
            command.arg(folder).arg(place);
        }
        Ok(command)
    }

    /// Downloads a package to `out`, from these sources and with package lists of its own: the tree's may be old.
    pub(crate) fn download(&self, sources: &str, package: &str, out: &Path) -> Result<()> {
        const LINE: &str = r#"
state=/out/.apt
mkdir -p $state/lists/partial $state/cache/archives/partial
printf '%s\n' '@SOURCES@' > $state/sources.list
apt() {
    apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList=$state/sources.list \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$state/lists -o Dir::Cache=$state/cache "$@"
}
apt update
cd /out
apt download '@PACKAGE@'
rm -rf $state
"#;
        fs::copy("/etc/resolv.conf", self.root.join("etc/resolv.conf"))?;
        let line = LINE
            .replace("@SOURCES@", sources)
            .replace("@PACKAGE@", package);
        quiet(&mut self.shell(out, out, &line, true)?)
            .with_context(|| format!("downloading {package}"))?;
        Ok(())
    }
}

/// The beginning of a command that has mounts and processes of its own: both end with this process,
/// also when that is killed. More options of unshare may follow.
fn contained() -> Command {
    let mut command = bound("unshare");
    command.args(["--mount", "--propagation", "private"]);
    command.args(["--pid", "--fork", "--kill-child"]);
    command
}

fn make(root: &Path, sources: &[String]) -> Result<()> {
    step("making the tool tree (a few minutes, once)");
    let mut mmdebstrap = contained();
    mmdebstrap
        .args(["--mount-proc", "--", "mmdebstrap"])
        .args([
            "--variant=apt",
            "--components=main",
            "--keyring=/usr/share/keyrings",
        ])
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .arg(format!(
            "--include={}",
            PACKAGES.split_whitespace().collect::<Vec<_>>().join(",")
        ))
        .arg("trixie")
        .arg(root)
        .args(sources);
    quiet(&mut mmdebstrap).context("mmdebstrap")?;
    step("adding QEMU and the kernels");
    fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf"))?;
    let line = FINISH.replace("@BACKPORTS@", BACKPORTS);
    let mut finish = contained();
    finish.args(["--mount-proc", "--", "chroot"]);
    finish.arg(root).args([
        "env",
        "-i",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "sh",
        "-c",
        &line,
    ]);
    quiet(&mut finish).context("finishing the tool tree")?;
    ensure!(
        root.join("usr/bin/qemu-system-x86_64").exists(),
        "the tool tree has no QEMU"
    );
    Ok(())
}
