// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Steps on sources: format, lints, docs, tests of the hosted home, lints of the kernel home.

use super::{
    super::{cost, coverage, uapi},
    step::{beside, cargo_step, plain, Step},
};
use crate::{firmware, guest, host, kernel::Kernel, run::loud, tree::Tree};
use anyhow::Result;
use std::path::PathBuf;

pub(super) fn steps(tree: &Tree, kernel: &Kernel) -> Vec<Step> {
    let mut steps = vec![
        cargo_step("format", &["fmt", "--all", "--check"], &[]),
        cargo_step(
            "lint, hosted home",
            &[
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
            &[],
        ),
        cargo_step(
            "docs, hosted home",
            &["doc", "--quiet", "--workspace", "--no-deps"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
        cargo_step(
            "build the daemon",
            &["build", "--quiet", "--release", "--package", "vhost-nova"],
            &[],
        ),
        cargo_step(
            "unit and integration tests",
            &["test", "--quiet", "--workspace", "--no-fail-fast"],
            &[],
        ),
    ];
    steps.extend(deep_steps());
    let for_cost = (tree.clone(), kernel.clone());
    steps.push(beside("cost of locks and counts", move || {
        let (tree, kernel) = &for_cost;
        cost::check(tree, &guest::selftest(tree, kernel)?.from)
    }));
    let for_firmware = tree.clone();
    steps.push(plain("formats and boot, on Debian's firmware", move || {
        let files = firmware::debian(&for_firmware)?;
        for (package, test) in [("nova-spec", "golden"), ("nova-driver", "boot")] {
            let mut cargo = host::cargo();
            cargo.env("NOVA_FIRMWARE_DIR", &files).args([
                "test",
                "--quiet",
                "--package",
                package,
                "--test",
                test,
            ]);
            loud(&mut cargo)?;
        }
        Ok(())
    }));
    let for_uapi = (tree.clone(), kernel.clone());
    steps.push(beside("uapi, as C sees it", move || {
        uapi::check(&for_uapi.0, &for_uapi.1)
    }));
    let (tree, kernel) = (tree.clone(), kernel.clone());
    let for_coverage = (tree.clone(), kernel.clone());
    steps.push(beside("lint, docs and examples, kernel home", move || {
        kernel_home(&tree, &kernel)
    }));
    steps.push(beside("a self-test for every public item", move || {
        covered(&for_coverage.0, &for_coverage.1)
    }));
    steps
}

/// Tests of the hosted home that are built in their own way, each in a folder of its own.
fn deep_steps() -> [Step; 2] {
    const LOOM: &[&str] = &["--release", "-p", "kernel-abi", "--test", "loom"];
    const ASAN: &[&str] = &[
        "--lib",
        "-p",
        "kernel-abi",
        "-p",
        "drm-core",
        "-p",
        "kernel-abi-selftest",
        "--target",
        "x86_64-unknown-linux-gnu",
    ];
    let step = |name, folder: &'static str, flags, args: &'static [&str]| {
        beside(name, move || {
            loud(
                host::cargo()
                    .args(["test", "--quiet"])
                    .args(args)
                    .env("CARGO_TARGET_DIR", host::target().join(folder))
                    .env("RUSTFLAGS", flags)
                    // A stable compiler has the sanitizer's runtime too.
                    .env("RUSTC_BOOTSTRAP", "1")
                    // Some tests ask for more memory than there is.
                    .env("ASAN_OPTIONS", "allocator_may_return_null=1"),
            )
        })
    };
    [
        step("loom models, hosted home", "loom", "--cfg loom", LOOM),
        step(
            "AddressSanitizer, hosted home",
            "asan",
            "-Zsanitizer=address",
            ASAN,
        ),
    ]
}

/// Lints, docs and examples of the kernel home: with the bindings of a kernel, by the host's compiler.
fn kernel_home(tree: &Tree, kernel: &Kernel) -> Result<()> {
    const PACKAGES: &[&str] = &[
        "-p",
        "kernel-abi",
        "-p",
        "drm-core",
        "-p",
        "virtio-nova",
        "-p",
        "kernel-abi-selftest",
    ];
    let bindings = guest::bindings(tree, kernel)?;
    // A folder of its own, as everything is built anew for the other home.
    let target: PathBuf = host::target().join("kernel-home");
    let cargo = || {
        let mut cargo = host::cargo();
        cargo
            .env("VHOST_NOVA_KERNEL_BINDINGS", &bindings)
            .env("CARGO_TARGET_DIR", &target);
        cargo
    };
    let mut clippy = cargo();
    clippy
        .args(["clippy", "--quiet"])
        .args(PACKAGES)
        .args(["--", "-D", "warnings"]);
    loud(&mut clippy)?;
    let mut doc = cargo();
    doc.env(
        "RUSTDOCFLAGS",
        "-D warnings -A rustdoc::private-intra-doc-links --document-private-items",
    )
    .args(["doc", "--quiet", "--no-deps"])
    .args(PACKAGES);
    loud(&mut doc)?;
    // The examples are compiled and not run: they would call a kernel that is not there, at link time too.
    let mut examples = cargo();
    examples
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "RUSTDOCFLAGS",
            "-Zunstable-options --no-run -Clink-arg=-Wl,--unresolved-symbols=ignore-all",
        )
        .args(["test", "--quiet", "--doc"])
        .args(["--package", "kernel-abi", "--package", "drm-core"]);
    loud(&mut examples)
}

/// Whether every public item of the kernel home has a self-test.
fn covered(tree: &Tree, kernel: &Kernel) -> Result<()> {
    let bindings = guest::bindings(tree, kernel)?;
    let target: PathBuf = host::target().join("kernel-home");
    for package in ["kernel-abi", "drm-core"] {
        let mut doc = host::cargo();
        doc.env("VHOST_NOVA_KERNEL_BINDINGS", &bindings)
            .env("CARGO_TARGET_DIR", &target)
            // rustdoc's JSON is not stable; this checkout's toolchain is one version.
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["rustdoc", "--quiet", "--lib", "--package", package, "--"])
            .args(["-Zunstable-options", "--output-format", "json"]);
        loud(&mut doc)?;
    }
    coverage::check(&target.join("doc"))
}
