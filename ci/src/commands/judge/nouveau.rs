// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask judge nouveau`: Debian's kernel with its own nouveau, unchanged, on the model and on NVIDIA's firmware.
//! It has no display and no graphics engine there, and moves buffers by the copy engine.

use super::{nova_core::timed, passes};
use crate::{
    firmware, guest,
    initramfs::{Contents, Extra},
    kernel::Kernel,
    lab::{GpuModel, Vm, VmConfig},
    run::step,
    tree::Tree,
};
use anyhow::{ensure, Context, Result};
use nova_spec::chip::Chipset;
use std::time::Duration;

/// How often the driver is loaded.
const ROUNDS: usize = 2;
/// VRAM of the model: the smaller the sooner it is full.
const VRAM: &str = "512M";
/// Objects that are filled and evicted, and MiB of each.
const OBJECTS: u64 = 8;
const OBJECT_MIB: u64 = 16;

/// The whole judgement; returns what took how long, as the guest's clock says.
pub(crate) fn judge(tree: &Tree, chip: Chipset, verbose: bool) -> Result<Vec<String>> {
    let kernel = Kernel::newest(tree)?;
    let model = GpuModel::start(&["--chip", &chip.name().to_lowercase(), "--vram", VRAM])?;
    let judged = in_machine(tree, &kernel, &model, chip, verbose);
    judged.with_context(|| format!("the model's log ends:\n{}", model.log_tail()))
}

fn in_machine(
    tree: &Tree,
    kernel: &Kernel,
    model: &GpuModel,
    chip: Chipset,
    verbose: bool,
) -> Result<Vec<String>> {
    let mut extra = firmware::for_nouveau(tree, chip)?;
    extra.push(Extra {
        from: guest::programs()?.join("nova-test"),
        to: "/bin/nova-test".into(),
    });
    step(&format!("booting {} with the {chip} model", kernel.name));
    let mut vm = Vm::boot(&VmConfig {
        name: "judge".into(),
        contents: &Contents {
            tree,
            kernel,
            module: None,
            extra: &extra,
            modules: &["nouveau"],
        },
        socket: None,
        gpu: Some(model.device(false)),
        memory_mib: 1536,
        timeout: Duration::from_secs(600),
        verbose,
    })?;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        passes(&mut vm, "dmesg -c >/dev/null")?;
        took.push(format!(
            "probe {}",
            timed(&mut vm, "modprobe nouveau runpm=0")?
        ));
        passes(
            &mut vm,
            "ls /dev/dri/renderD128 || { dmesg | tail -60; false; }",
        )?;
        passes(
            &mut vm,
            "dmesg | grep 'using COPY for buffer copies' || { dmesg | tail -60; false; }",
        )?;
        let moves = format!("nova-test nouveau --objects {OBJECTS} --size {OBJECT_MIB} || {{ dmesg | tail -60; false; }}");
        took.push(format!("moves {}", timed(&mut vm, &moves)?));
        took.push(format!("unload {}", timed(&mut vm, "rmmod nouveau")?));
        let complaints = passes(
            &mut vm,
            "dmesg | grep -iE 'nouveau.*(error|fail|timeout|rc:|fault)|WARNING:|BUG:' || true",
        )?;
        let complaints = complaints.text;
        ensure!(
            complaints.trim().is_empty(),
            "nouveau complains in round {round}:\n{complaints}"
        );
    }
    let moved = model.copied();
    let least = (OBJECTS * OBJECT_MIB) << 20;
    // Each round has moved every object once at least.
    let rounds: Vec<_> = moved
        .iter()
        .scan(0, |before, &sum| Some(sum - std::mem::replace(before, sum)))
        .collect();
    ensure!(
        rounds.len() == ROUNDS && rounds.iter().all(|&bytes| bytes >= least),
        "the model's copy engines have moved {rounds:?} bytes, and {least} were evicted a round"
    );
    vm.check_kernel_log()?;
    vm.power_off()?;
    Ok(took)
}
