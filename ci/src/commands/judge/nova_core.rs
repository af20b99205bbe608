// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask judge nova-core`: upstream's nova-core and nova-drm, unchanged, on the model.

use super::passes;
use crate::{
    firmware::{self, Origin},
    guest,
    initramfs::{Contents, Extra},
    kernel::Kernel,
    lab::{GpuModel, Vm, VmConfig, GPU_ADDRESS},
    run::step,
    source_kernel,
    tree::Tree,
};
use anyhow::{ensure, Context, Result};
use nova_spec::chip::Chipset;
use std::time::Duration;

const DRIVER: &str = "/sys/bus/pci/drivers/nova-core";
/// How often the driver is taken off the card and put on it again.
const ROUNDS: usize = 3;

/// The whole judgement; returns how long each probe took, as the guest's clock says.
pub(crate) fn judge(
    tree: &Tree,
    chip: Chipset,
    origin: Origin,
    verbose: bool,
) -> Result<Vec<String>> {
    let kernel = Kernel::find(tree, source_kernel::NAME)?;
    let model = GpuModel::start(&["--chip", &chip.name().to_lowercase()])?;
    let judged = in_machine(tree, &kernel, &model, chip, origin, verbose);
    judged.with_context(|| format!("the model's log ends:\n{}", model.log_tail()))
}

fn in_machine(
    tree: &Tree,
    kernel: &Kernel,
    model: &GpuModel,
    chip: Chipset,
    origin: Origin,
    verbose: bool,
) -> Result<Vec<String>> {
    let files = firmware::for_nova_core(tree, chip, origin)?;
    let mut extra = files.extra.clone();
    extra.push(Extra {
        from: guest::programs()?.join("nova-test"),
        to: "/bin/nova-test".into(),
    });
    step(&format!(
        "booting {} with the {} model and {} firmware",
        kernel.release,
        chip,
        origin.name()
    ));
    let mut vm = Vm::boot(&VmConfig {
        name: "judge".into(),
        contents: &Contents {
            tree,
            kernel,
            module: None,
            extra: &extra,
            modules: &["nova-core", "nova-drm"],
        },
        socket: None,
        gpu: Some(model.device(false)),
        memory_mib: 1536,
        timeout: Duration::from_secs(600),
        verbose,
    })?;
    passes(&mut vm, "modprobe nova-drm")?;
    let mut took = vec![timed(&mut vm, "modprobe nova-core")?];
    works(&mut vm)?;
    for _ in 0..ROUNDS {
        passes(&mut vm, &format!("echo {GPU_ADDRESS} >{DRIVER}/unbind"))?;
        passes(&mut vm, "! ls /dev/dri/card*")?;
        took.push(timed(
            &mut vm,
            &format!("echo {GPU_ADDRESS} >{DRIVER}/bind"),
        )?);
        works(&mut vm)?;
    }
    passes(&mut vm, "rmmod nova-drm && rmmod nova-core")?;
    // The console shows warnings and what is worse.
    let log = vm.kernel_log();
    let complaint = log.lines().find(|line| line.contains("nova"));
    ensure!(complaint.is_none(), "nova complains: {complaint:?}\n{log}");
    vm.check_kernel_log()?;
    vm.power_off()?;
    Ok(took)
}

/// The driver is bound, has booted GSP, and answers.
fn works(vm: &mut Vm) -> Result<()> {
    passes(
        vm,
        &format!("test -e {DRIVER}/{GPU_ADDRESS} || {{ dmesg | tail -40; false; }}"),
    )?;
    passes(vm, "nova-test upstream")?;
    // The name comes from GSP, by a call.
    passes(vm, "dmesg | grep 'GPU name: '")?;
    passes(vm, "dmesg -c >/dev/null").map(drop)
}

/// Runs a line and returns how long it took, in seconds.
pub(super) fn timed(vm: &mut Vm, command: &str) -> Result<String> {
    let line = format!(
        "a=$(cut -d' ' -f1 /proc/uptime); {command} || exit; echo $a $(cut -d' ' -f1 /proc/uptime)"
    );
    let output = passes(vm, &line)?;
    let last = output.text.lines().last().unwrap_or_default();
    elapsed(last).with_context(|| format!("{command}: no times in {last:?}"))
}

/// `1.50 3.75` is `2.25 s`.
fn elapsed(line: &str) -> Option<String> {
    let (from, to) = line.split_once(' ')?;
    let seconds = to.parse::<f64>().ok()? - from.parse::<f64>().ok()?;
    Some(format!("{seconds:.2} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_subtracted() {
        assert_eq!(elapsed("1.50 3.75").as_deref(), Some("2.25 s"));
        assert_eq!(elapsed("1.50"), None);
        assert_eq!(elapsed("modprobe failed"), None);
    }
}
