// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Kernels that guests boot.

use crate::{cli::Refusal, run, source_kernel, tree::Tree};
use anyhow::{bail, Context, Result};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// A kernel with its modules, and what modules are built against.
#[derive(Clone)]
pub(crate) struct Kernel {
    /// `debian-7.3`, `debian-7.3-rt`, `debug`, or the folder's name.
    pub(crate) name: String,
    /// As `uname -r` says.
    pub(crate) release: String,
    /// The image.
    pub(crate) image: PathBuf,
    /// `…/lib/modules/<release>`
    pub(crate) modules: PathBuf,
    /// Where the module's build finds it, inside the tree (`KDIR`), and the folder outside, if it
    /// is not a part of the tree.
    pub(crate) headers: Headers,
}

/// What a module is built against.
#[derive(Clone)]
pub(crate) enum Headers {
    /// A path inside the tool tree.
    InTree(String),
    /// A kernel build tree on the host.
    BuildTree(PathBuf),
    /// Nothing: the kernel can boot, but no module can be built for it.
    None,
}

/// The names of the tree's kernels, newest first, and the PREEMPT_RT flavour after the usual one.
pub(crate) fn names(tree: &Tree) -> Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(tree.root().join("kernels"))?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    sort(&mut names);
    Ok(names)
}

fn sort(names: &mut [String]) {
    // "7.3" comes before "6.12".
    names.sort_by_key(|name| {
        let version = name.trim_start_matches("debian-").trim_end_matches(RT);
        let numbers: Vec<u32> = version.split('.').filter_map(|n| n.parse().ok()).collect();
        (std::cmp::Reverse(numbers), name.ends_with(RT))
    });
}

/// How the name of a PREEMPT_RT kernel ends.
const RT: &str = "-rt";

impl Kernel {
    /// A kernel by name (`debian-7.3`; `debug`, which is built when it is not there), or a folder: a package tree or a
    /// build tree.
    pub(crate) fn find(tree: &Tree, name: &str) -> Result<Self> {
        if name == source_kernel::NAME {
            return Self::debug(tree);
        }
        let packaged = tree.root().join("kernels").join(name);
        if !name.contains('/') && packaged.join("release").exists() {
            let release = fs::read_to_string(packaged.join("release"))?
                .trim()
                .to_owned();
            return Self::from_packages(name, &packaged, &release);
        }
        let dir = Path::new(name);
        if !dir.is_dir() {
            let known = names(tree)?.join(", ");
            return Err(Refusal(format!(
                "no kernel {name:?}: there are {known} and {}, or give the folder of a kernel's build or packages",
                source_kernel::NAME
            ))
            .into());
        }
        Self::from_dir(tree, &dir.canonicalize()?)
    }

    /// True where spinlocks sleep.
    pub(crate) fn is_rt(&self) -> bool {
        self.name.ends_with(RT)
    }

    /// True for the one that checks itself, which takes time and memory.
    pub(crate) fn is_debug(&self) -> bool {
        self.name == source_kernel::NAME
    }

    /// What a machine needs to run tests.
    pub(crate) fn memory_mib(&self) -> u32 {
        if self.is_debug() {
            1024
        } else {
            256
        }
    }

    /// How long a machine may take for a test. It is there to end what hangs.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(if self.is_debug() { 900 } else { 240 })
    }

    /// The compiler that modules must be built by too, if it is not gcc.
    pub(crate) fn clang(&self) -> Result<Option<&'static str>> {
        let Headers::BuildTree(dir) = &self.headers else {
            return Ok(None);
        };
        let path = dir.join("include/config/auto.conf");
        let config =
            fs::read_to_string(&path).with_context(|| format!("{} is not built", dir.display()))?;
        let clang = config.lines().any(|line| line == "CONFIG_CC_IS_CLANG=y");
        Ok(clang.then_some(source_kernel::CLANG))
    }

    /// The newest of the tree's.
    pub(crate) fn newest(tree: &Tree) -> Result<Self> {
        let names = names(tree)?;
        Self::find(tree, names.first().context("the tree has no kernel")?)
    }

    fn debug(tree: &Tree) -> Result<Self> {
        let dir = source_kernel::debug(tree)?;
        let release = release(&dir)?;
        Ok(Self {
            name: source_kernel::NAME.into(),
            image: dir.join("arch/x86/boot/bzImage"),
            modules: dir.join("installed/lib/modules").join(&release),
            headers: Headers::BuildTree(dir),
            release,
        })
    }

    fn from_packages(name: &str, dir: &Path, release: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            release: release.to_owned(),
            image: image(dir, release)?,
            modules: dir.join("usr/lib/modules").join(release),
            headers: Headers::InTree(format!("/usr/src/linux-headers-{release}")),
        })
    }

    fn from_dir(tree: &Tree, dir: &Path) -> Result<Self> {
        let name = dir.file_name().map_or_else(
            || "kernel".into(),
            |name| name.to_string_lossy().into_owned(),
        );
        if dir.join("arch/x86/boot/bzImage").exists() {
            return Self::from_build_tree(tree, dir, &name);
        }
        for base in ["lib/modules", "usr/lib/modules"] {
            let Ok(mut releases) = fs::read_dir(dir.join(base)) else {
                continue;
            };
            if let Some(Ok(entry)) = releases.next() {
                let release = entry.file_name().to_string_lossy().into_owned();
                let headers = format!("usr/src/linux-headers-{release}");
                let in_tree = tree.root().join(&headers).is_dir();
                return Ok(Self {
                    image: image(dir, &release)?,
                    modules: entry.path(),
                    headers: match (dir.join(&headers), in_tree) {
                        (own, _) if own.is_dir() => Headers::BuildTree(own),
                        (_, true) => Headers::InTree(format!("/{headers}")),
                        _ => Headers::None,
                    },
                    name,
                    release,
                });
            }
        }
        bail!(
            "{} is neither a kernel build tree nor a package tree",
            dir.display()
        )
    }

    fn from_build_tree(tree: &Tree, dir: &Path, name: &str) -> Result<Self> {
        let release = release(dir)?;
        let installed = crate::host::target().join("kernels").join(name);
        let line = "make -s -C /src INSTALL_MOD_PATH=/out INSTALL_MOD_STRIP=1 modules_install";
        run::quiet(&mut tree.shell(dir, &installed, line, false)?)?;
        Ok(Self {
            name: name.to_owned(),
            image: dir.join("arch/x86/boot/bzImage"),
            modules: installed.join("lib/modules").join(&release),
            headers: Headers::BuildTree(dir.to_path_buf()),
            release,
        })
    }

    /// The files of `modules` and of all that they need, relative to [`Kernel::modules`]. What is built into
    /// the kernel is left out.
    pub(crate) fn closure(&self, modules: &[&str]) -> Result<Vec<PathBuf>> {
        let path = self.modules.join("modules.dep");
        let dep =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut wanted = BTreeSet::new();
        for module in modules {
            for line in dep.lines() {
                let Some((file, needs)) = line.split_once(':') else {
                    continue;
                };
                if module_name(file) == *module {
                    wanted.insert(PathBuf::from(file));
                    wanted.extend(needs.split_whitespace().map(PathBuf::from));
                }
            }
        }
        Ok(wanted.into_iter().collect())
    }
}

/// What a build tree's kernel calls itself.
fn release(dir: &Path) -> Result<String> {
    let text = fs::read_to_string(dir.join("include/config/kernel.release"))
        .with_context(|| format!("{} is not built", dir.display()))?;
    Ok(text.trim().to_owned())
}

/// `kernel/drivers/gpu/drm/drm.ko.xz` is module `drm`.
fn module_name(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split(".ko").next().unwrap_or(name)
}

fn image(dir: &Path, release: &str) -> Result<PathBuf> {
    [
        format!("boot/vmlinuz-{release}"),
        format!("usr/lib/modules/{release}/vmlinuz"),
        format!("lib/modules/{release}/vmlinuz"),
        "vmlinuz".into(),
    ]
    .iter()
    .map(|path| dir.join(path))
    .find(|path| path.exists())
    .or_else(|| find_image(dir))
    .with_context(|| format!("no kernel image in {}", dir.display()))
}

fn find_image(dir: &Path) -> Option<PathBuf> {
    let mut find = Command::new("find");
    let output = find
        .arg(dir)
        .args(["-name", "vmlinuz*", "-type", "f"])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_first_and_its_rt_flavour_second() {
        let mut names =
            ["debian-6.12", "debian-7.3-rt", "debian-7.3", "debian-7.10"].map(String::from);
        sort(&mut names);
        assert_eq!(
            names,
            ["debian-7.10", "debian-7.3", "debian-7.3-rt", "debian-6.12"]
        );
    }

    #[test]
    fn module_names() {
        assert_eq!(module_name("kernel/drivers/gpu/drm/drm.ko.xz"), "drm");
        assert_eq!(module_name("updates/virtio_nova.ko"), "virtio_nova");
    }
}
