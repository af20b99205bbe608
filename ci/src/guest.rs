// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Building the module, its source package and the guest programs.

use crate::{
    host,
    initramfs::Extra,
    kernel::{Headers, Kernel},
    run::{self, quiet},
    tree::Tree,
};
use anyhow::{bail, ensure, Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Crates that the module's build compiles itself, by rustc: no cargo and no network there.
const VENDORED: &[&str] = &[
    "paste",
    "pinned-init",
    "pinned-init-macro",
    "proc-macro2",
    "quote",
    "unicode-ident",
];

/// Copies the vendored crates, at the versions that Cargo.lock names, to `to`.
pub(crate) fn vendor(to: &Path) -> Result<()> {
    let mut metadata = host::cargo();
    metadata.args(["metadata", "--format-version=1", "--locked"]);
    let output = metadata.output().context("cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    for name in VENDORED {
        let package = packages
            .iter()
            .find(|package| package["name"] == *name)
            .with_context(|| format!("Cargo.lock has no {name}"))?;
        let manifest = package["manifest_path"].as_str().context("no manifest")?;
        let from = Path::new(manifest).parent().context("no folder")?;
        let to = to.join(name);
        // A copy that is there is left alone: newer files would be built anew.
        let same = fs::read(to.join("Cargo.toml"))
            .is_ok_and(|copied| fs::read(manifest).is_ok_and(|wanted| copied == wanted));
        if same {
            continue;
        }
        // Not under its own name until it is whole.
        let part = to.with_extension("part");
        for old in [&to, &part] {
            if old.exists() {
                fs::remove_dir_all(old)?;
            }
        }
        copy(from, &part)?;
        fs::rename(&part, &to)?;
    }
    Ok(())
}

/// Copies a folder, sources and licences; leaves out what nobody compiles.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let skipped = [
            "tests", "benches", "examples", ".github", "target", "ci", "build",
        ];
        if entry.file_type()?.is_dir() {
            if !skipped.iter().any(|skip| name == *skip) {
                copy(&entry.path(), &to.join(&name))?;
            }
        } else {
            fs::copy(entry.path(), to.join(&name))
                .with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Runs the module's make for a kernel; returns the log.
fn make(tree: &Tree, kernel: &Kernel, goal: &str) -> Result<(PathBuf, String)> {
    let out = host::target().join("guest");
    fs::create_dir_all(&out)?;
    let _lock = host::lock(&out.join(".lock"), "a module")?;
    vendor(&out.join("vendor"))?;
    let (kdir, build_tree) = match &kernel.headers {
        Headers::InTree(path) => (path.as_str(), None),
        Headers::BuildTree(dir) => ("/kdir", Some(dir)),
        Headers::None => bail!(
            "kernel {} has no headers to build modules against",
            kernel.name
        ),
    };
    let compiler = match kernel.clang()? {
        Some(clang) => format!("CC={clang}"),
        None => String::new(),
    };
    let line = format!(
        "make -s -C /src/guest-driver KDIR={kdir} O=/out/{0} VENDOR=/out/vendor {compiler} {goal} 2>&1",
        kernel.name
    );
    // A build that was killed half-way leaves files that are not whole and look new, so what it made is thrown away
    // the next time.
    let made = out.join(&kernel.name);
    let unfinished = out.join(format!(".{}.unfinished", kernel.name));
    if unfinished.exists() && made.exists() {
        fs::remove_dir_all(&made)?;
    }
    fs::write(&unfinished, "")?;
    let checkout = host::checkout();
    let mut places = vec![(checkout.as_path(), "src"), (out.as_path(), "out")];
    places.extend(build_tree.map(|dir| (dir.as_path(), "kdir")));
    let log = quiet(&mut tree.shell_at(&places, &line, false)?);
    // A make that fails by itself cleans up.
    fs::remove_file(&unfinished)?;
    Ok((made, log?))
}

/// What the build must not say.
fn check_log(log: &str) -> Result<()> {
    let bad: Vec<_> = log
        .lines()
        .filter(|line| {
            line.contains("objtool:") || line.contains("modpost:") || line.contains("WARNING:")
        })
        .collect();
    ensure!(
        bad.is_empty(),
        "the module's build warns:\n{}",
        bad.join("\n")
    );
    Ok(())
}

/// Builds `virtio_nova.ko` for a kernel and returns its path. A warning of objtool or modpost is an
/// error.
pub(crate) fn module(tree: &Tree, kernel: &Kernel) -> Result<PathBuf> {
    run::step(&format!("building virtio_nova.ko for {}", kernel.name));
    let (out, log) = make(tree, kernel, "modules")?;
    check_log(&log)?;
    let module = out.join("virtio_nova.ko");
    ensure!(module.exists(), "the build made no {}", module.display());
    Ok(module)
}

/// Builds `kernel_abi_selftest.ko` for a kernel, as [`module`] does, and returns it as a file for the guest's modprobe.
pub(crate) fn selftest(tree: &Tree, kernel: &Kernel) -> Result<Extra> {
    run::step(&format!(
        "building kernel_abi_selftest.ko for {}",
        kernel.name
    ));
    let (out, log) = make(tree, kernel, "selftest")?;
    check_log(&log)?;
    let from = out.join("kernel_abi_selftest.ko");
    ensure!(from.exists(), "the build made no {}", from.display());
    check_no_notrack(tree, &from)?;
    let to = format!(
        "/lib/modules/{}/updates/kernel_abi_selftest.ko",
        kernel.release
    );
    Ok(Extra { from, to })
}

/// Makes the bindings of a kernel and returns their folder, for lints and docs of the kernel home.
pub(crate) fn bindings(tree: &Tree, kernel: &Kernel) -> Result<PathBuf> {
    let (out, _) = make(tree, kernel, "bindings")?;
    Ok(out)
}

/// Fails when the module has an indirect jump that IBT does not track, as a jump table is.
pub(crate) fn check_no_notrack(tree: &Tree, module: &Path) -> Result<()> {
    let mut objdump = tree.program("usr/bin/objdump");
    let text = quiet(objdump.args(["-d", "--no-show-raw-insn"]).arg(module))?;
    let instructions = text.lines().filter(|line| line.contains('\t')).count();
    ensure!(
        instructions > 1000,
        "objdump shows only {instructions} instructions"
    );
    let bad: Vec<_> = text
        .lines()
        .filter(|line| line.contains("notrack"))
        .collect();
    ensure!(
        bad.is_empty(),
        "{} has notrack jumps:\n{}",
        module.display(),
        bad.join("\n")
    );
    Ok(())
}

/// Fails when the sanitizer of a KASAN kernel would not see what the module's Rust code does, or `core` for it.
pub(crate) fn check_kasan(tree: &Tree, module: &Path) -> Result<()> {
    let out = module.parent().context("no folder")?;
    for object in ["virtio_nova_rs.o", "rustlib/libcore.rlib"] {
        let mut nm = tree.program("usr/bin/nm");
        let symbols = quiet(nm.arg("--undefined-only").arg(out.join(object)))?;
        for checked in ["__asan_report_load8", "__asan_report_store8"] {
            ensure!(
                symbols.contains(checked),
                "{object} is not instrumented: it does not refer to {checked}"
            );
        }
    }
    Ok(())
}

/// Builds the guest programs, static, and returns their folder.
pub(crate) fn programs() -> Result<PathBuf> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    // A folder of its own: other flags would rebuild everything else.
    let target = host::target().join("guest-programs");
    let mut cargo = host::cargo();
    cargo
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &target)
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "nova-guest-tests",
        ])
        .args(["--target", TARGET]);
    run::loud(&mut cargo).context("building the guest programs")?;
    Ok(target.join(TARGET).join("release"))
}

/// The version of the source package.
pub(crate) fn version() -> Result<String> {
    let version = fs::read_to_string(host::checkout().join("guest-driver/VERSION"))?;
    Ok(version.trim().to_owned())
}

fn copy_sources(to: &Path) -> Result<()> {
    for folder in ["kernel-abi", "drm-core", "guest-driver"] {
        copy(&host::checkout().join(folder), &to.join(folder))?;
    }
    Ok(())
}

/// Makes the source package for DKMS: sources, vendored crates, dkms.conf; returns its folder.
pub(crate) fn package() -> Result<PathBuf> {
    package_in(&host::target().join("package"))
}

fn package_in(parent: &Path) -> Result<PathBuf> {
    let version = version()?;
    let name = format!("virtio-nova-{version}");
    let dir = parent.join(&name);
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    copy_sources(&dir)?;
    vendor(&dir.join("vendor"))?;
    let conf = fs::read_to_string(host::checkout().join("guest-driver/dkms.conf"))?;
    fs::write(dir.join("dkms.conf"), conf.replace("@VERSION@", &version))?;
    let mut tar = Command::new("tar");
    tar.arg("-C")
        .arg(parent)
        .args(["--sort=name", "--owner=0", "--group=0", "-czf"])
        .arg(parent.join(format!("{name}.tar.gz")))
        .arg(&name);
    quiet(&mut tar)?;
    Ok(dir)
}

/// `dkms build` of the source package for a kernel, as a user would do it, without a network.
pub(crate) fn dkms(tree: &Tree, kernel: &Kernel) -> Result<()> {
    let version = version()?;
    let out = host::target().join("dkms").join(&kernel.name);
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    // Of its own, as other kernels' builds may run at the same time.
    let dir = package_in(&out.join("package"))?;
    let release = &kernel.release;
    let Headers::InTree(headers) = &kernel.headers else {
        bail!("dkms needs a packaged kernel");
    };
    // State of its own in /out; the tree stays as it is.
    let line = format!(
        "cp -r /src /out/virtio-nova-{version}
         dkms add -m virtio-nova -v {version} --sourcetree /out --dkmstree /out/state
         dkms build -m virtio-nova -v {version} -k {release} --kernelsourcedir {headers} \
            --sourcetree /out --dkmstree /out/state
         find /out/state -name 'virtio_nova.ko*' -path '*{release}*' | grep -q ."
    );
    fs::create_dir_all(out.join("state"))?;
    quiet(&mut tree.shell(&dir, &out, &line, false)?).context("dkms build")?;
    Ok(())
}
