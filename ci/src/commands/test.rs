// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask test`: all checks, as a list of steps.

use super::{demo, disassembly, judge, module_tests, uapi, vm, vm_tests};
use crate::{
    firmware::{self, Origin},
    guest, host,
    kernel::{self, Kernel},
    run::{loud, step},
    source_kernel,
    tree::Tree,
};
use anyhow::{Context, Result};
use clap::ValueEnum;
use nova_spec::chip::Chipset;
use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Which steps.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs only the steps whose name contains this
    filter: Option<String>,
    /// Leaves out virtual machines
    #[arg(long)]
    quick: bool,
    /// Lists the steps
    #[arg(long)]
    list: bool,
}

struct Step {
    name: String,
    needs_vm: bool,
    run: Box<dyn Fn() -> Result<()>>,
}

struct Outcome {
    name: String,
    took: Duration,
    error: Option<anyhow::Error>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    host::prepare()?;
    let tree = Tree::prepare()?;
    let (steps, left_out) = steps(&tree)?;
    let steps: Vec<Step> = steps
        .into_iter()
        .filter(|step| !(args.quick && step.needs_vm))
        .filter(|step| {
            args.filter
                .as_ref()
                .is_none_or(|filter| step.name.contains(filter))
        })
        .collect();
    if args.list {
        for step in steps {
            println!("{}", step.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if steps.is_empty() {
        return Err(crate::cli::Refusal("no step has that in its name; see --list".into()).into());
    }
    let outcomes: Vec<Outcome> = steps.iter().map(run_step).collect();
    Ok(report(&outcomes, left_out.as_deref()))
}

fn run_step(entry: &Step) -> Outcome {
    step(&entry.name);
    let start = Instant::now();
    let error = (entry.run)().err();
    if let Some(error) = &error {
        eprintln!("FAILED: {}: {error:#}", entry.name);
    }
    Outcome {
        name: entry.name.clone(),
        took: start.elapsed(),
        error,
    }
}

fn report(outcomes: &[Outcome], left_out: Option<&str>) -> ExitCode {
    println!();
    for outcome in outcomes {
        let verdict = if outcome.error.is_some() {
            "FAILED"
        } else {
            "ok"
        };
        println!(
            "{verdict:<7}{:>6.1} s  {}",
            outcome.took.as_secs_f64(),
            outcome.name
        );
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.error.is_some())
        .count();
    for outcome in outcomes {
        if let Some(error) = &outcome.error {
            println!("\n{}: {error:#}", outcome.name);
        }
    }
    if let Some(why) = left_out {
        println!("\nnot run, nor counted: {why}");
    }
    println!("{} passed, {failed} failed", outcomes.len() - failed);
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// All steps, and what cannot run on this machine with the reason.
fn steps(tree: &Tree) -> Result<(Vec<Step>, Option<String>)> {
    let kernels = kernel::names(tree)?
        .iter()
        .map(|name| Kernel::find(tree, name))
        .collect::<Result<Vec<_>>>()?;
    let newest = kernels.first().context("no kernel")?.clone();
    let mut steps = source_steps(tree, &newest);
    for kernel in &kernels {
        steps.extend(module_steps(tree, kernel));
    }
    let for_faults = tree.clone();
    steps.push(in_vm("vm, debug: allocations that fail", move || {
        let kernel = Kernel::find(&for_faults, crate::source_kernel::NAME)?;
        vm_tests::failslab(&vm_tests::Lab::new(&for_faults, &kernel)?)
    }));
    for kernel in &kernels {
        // Where spinlocks sleep the locks are what differs, and the suite uses them all.
        let tests = if kernel.is_rt() { RT_TESTS } else { VM_TESTS };
        steps.extend(vm_steps(tree, kernel, tests));
    }
    for kernel in kernels.iter().filter(|kernel| !kernel.is_rt()) {
        let (tree, kernel) = (tree.clone(), kernel.clone());
        steps.push(in_vm(
            &format!("vm, {}: the demonstration", kernel.name),
            move || demo::show(&tree, &kernel).map(drop),
        ));
    }
    steps.extend(debug_steps(tree));
    let for_vfio = tree.clone();
    steps.push(in_vm("judge kernel VFIO", move || {
        judge::vfio::judge(&for_vfio, Chipset::GA102, false)
    }));
    for origin in Origin::value_variants() {
        let tree = tree.clone();
        steps.push(in_vm(
            &format!("judge nova-core, {} firmware", origin.name()),
            move || judge::nova_core::judge(&tree, Chipset::GA102, *origin, false).map(drop),
        ));
    }
    let program = match vm::find_cloud_hypervisor() {
        Ok(program) => program,
        Err(why) => {
            return Ok((
                steps,
                Some(format!("the suite under cloud-hypervisor: {why}")),
            ))
        }
    };
    for kernel in kernels.iter().filter(|kernel| !kernel.is_rt()) {
        let (tree, kernel, program) = (tree.clone(), kernel.clone(), program.clone());
        steps.push(in_vm(
            &format!(
                "vm, {}: the render node under cloud-hypervisor",
                kernel.name
            ),
            move || vm_tests::cloud_hypervisor(&vm_tests::Lab::new(&tree, &kernel)?, &program),
        ));
    }
    Ok((steps, None))
}

fn plain(name: &str, run: impl Fn() -> Result<()> + 'static) -> Step {
    Step {
        name: name.into(),
        needs_vm: false,
        run: Box::new(run),
    }
}

fn in_vm(name: &str, run: impl Fn() -> Result<()> + 'static) -> Step {
    Step {
        needs_vm: true,
        ..plain(name, run)
    }
}

fn cargo_step(name: &str, args: &'static [&'static str], env: &'static [(&str, &str)]) -> Step {
    plain(name, move || {
        loud(host::cargo().args(args).envs(env.iter().copied()))
    })
}

fn source_steps(tree: &Tree, kernel: &Kernel) -> Vec<Step> {
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
    steps.push(plain("cost of locks and counts", move || {
        let (tree, kernel) = &for_cost;
        super::cost::check(tree, &guest::selftest(tree, kernel)?.from)
    }));
    let for_firmware = tree.clone();
    steps.push(plain("firmware formats, on Debian's files", move || {
        let mut cargo = host::cargo();
        cargo
            .env("NOVA_FIRMWARE_DIR", firmware::debian(&for_firmware)?)
            .args([
                "test",
                "--quiet",
                "--package",
                "nova-spec",
                "--test",
                "golden",
            ]);
        loud(&mut cargo)
    }));
    let for_uapi = (tree.clone(), kernel.clone());
    steps.push(plain("uapi, as C sees it", move || {
        uapi::check(&for_uapi.0, &for_uapi.1)
    }));
    let (tree, kernel) = (tree.clone(), kernel.clone());
    let for_coverage = (tree.clone(), kernel.clone());
    steps.push(plain("lint and docs, kernel home", move || {
        kernel_home(&tree, &kernel)
    }));
    steps.push(plain("a self-test for every public item", move || {
        coverage(&for_coverage.0, &for_coverage.1)
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
        plain(name, move || {
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

/// Lints and docs of the kernel home: with the bindings of a kernel, by the host's compiler.
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
    loud(&mut doc)
}

/// Whether every public item of the kernel home has a self-test.
fn coverage(tree: &Tree, kernel: &Kernel) -> Result<()> {
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
    super::coverage::check(&target.join("doc"))
}

fn module_steps(tree: &Tree, kernel: &Kernel) -> Vec<Step> {
    let name = &kernel.name;
    let (for_module, for_dkms) = (
        (tree.clone(), kernel.clone()),
        (tree.clone(), kernel.clone()),
    );
    let mut steps = vec![plain(
        &format!("module, {name}: no warning, no notrack"),
        move || {
            let (tree, kernel) = &for_module;
            guest::check_no_notrack(tree, &guest::module(tree, kernel)?)
        },
    )];
    if !kernel.is_debug() {
        let (tree, kernel) = (tree.clone(), kernel.clone());
        steps.push(plain(
            &format!("ioctl dispatch, {name}: the handler and nothing around it"),
            move || disassembly::check_dispatch(&tree, &guest::selftest(&tree, &kernel)?.from),
        ));
    }
    // The flavour's headers are laid out as the usual one's: once is enough.
    if !kernel.is_rt() {
        let (tree, kernel) = (tree.clone(), kernel.clone());
        steps.push(plain(
            &format!("module, {name}: modinfo, and what it says when it cannot be built"),
            move || {
                module_tests::metadata(&tree, &kernel)?;
                module_tests::refusals(&tree, &kernel)
            },
        ));
        steps.push(plain(&format!("dkms build, {name}"), move || {
            let (tree, kernel) = &for_dkms;
            guest::dkms(tree, kernel)
        }));
    }
    steps
}

type VmTest = (&'static str, fn(&vm_tests::Lab) -> Result<()>);

const VM_TESTS: &[VmTest] = &[
    ("kernel-abi's self-test", vm_tests::selftest),
    ("the render node", vm_tests::suite),
    ("a killed machine", vm_tests::killed),
    ("a reset machine", vm_tests::reset),
    ("a rebooted machine", vm_tests::rebooted),
    ("a panicked machine", vm_tests::panicked),
    ("a killed waiter", vm_tests::killed_waiter),
    ("a silent host", vm_tests::silent_host),
    ("a paused machine", vm_tests::paused),
    ("devices that are declined", vm_tests::declined),
];

const RT_TESTS: &[VmTest] = &[
    ("kernel-abi's self-test", vm_tests::selftest),
    ("the render node", vm_tests::suite),
];

fn vm_steps(tree: &Tree, kernel: &Kernel, tests: &[VmTest]) -> Vec<Step> {
    tests
        .iter()
        .map(|(name, test)| {
            let (tree, kernel, test) = (tree.clone(), kernel.clone(), *test);
            in_vm(&format!("vm, {}: {name}", kernel.name), move || {
                test(&vm_tests::Lab::new(&tree, &kernel)?)
            })
        })
        .collect()
}

/// The steps on the debug kernel, which the first of them builds where it is not there: listing them does not.
fn debug_steps(tree: &Tree) -> Vec<Step> {
    const TESTS: &[VmTest] = &[
        ("mistakes are reported", vm_tests::controls),
        ("the render node", vm_tests::suite),
    ];
    let find = |tree: &Tree| Kernel::find(tree, source_kernel::NAME);
    let for_module = tree.clone();
    let mut steps = vec![in_vm(
        "module, debug: no warning, KASAN sees Rust",
        move || {
            let module = guest::module(&for_module, &find(&for_module)?)?;
            guest::check_kasan(&for_module, &module)
        },
    )];
    for (name, test) in TESTS {
        let tree = tree.clone();
        steps.push(in_vm(&format!("vm, debug: {name}"), move || {
            test(&vm_tests::Lab::new(&tree, &find(&tree)?)?)
        }));
    }
    steps
}
