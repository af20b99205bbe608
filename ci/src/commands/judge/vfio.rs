// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask judge vfio`: the model as a card of a guest that has an IOMMU and Debian's kernel, and our driver on
//! that kernel's VFIO.

use super::passes;
use crate::{
    firmware,
    initramfs::{Contents, Extra},
    kernel::Kernel,
    lab::{l1, GpuModel, Vm, VmConfig, GPU_ADDRESS},
    run::step,
    tree::Tree,
};
use anyhow::{ensure, Context, Result};
use nova_spec::chip::Chipset;
use std::time::Duration;

/// The whole judgement.
pub(crate) fn judge(tree: &Tree, chip: Chipset, verbose: bool) -> Result<()> {
    let kernel = Kernel::newest(tree)?;
    let files = firmware::for_our_driver(chip)?;
    let mut extra = files.extra.clone();
    extra.push(Extra {
        from: l1::static_daemon()?,
        to: "/bin/vhost-nova".into(),
    });
    let model = GpuModel::start(&["--chip", &chip.name().to_lowercase()])?;
    step(&format!(
        "booting {} with an IOMMU and the {chip} model",
        kernel.name
    ));
    let mut vm = Vm::boot(&VmConfig {
        name: "host".into(),
        contents: &Contents {
            tree,
            kernel: &kernel,
            module: None,
            extra: &extra,
            modules: &["vfio-pci", "vfio_iommu_type1"],
        },
        socket: None,
        gpu: Some(model.device(true)),
        memory_mib: 768,
        timeout: Duration::from_secs(300),
        verbose,
    })?;
    let judged = on_vfio(&mut vm, chip);
    judged.with_context(|| format!("the model's log ends:\n{}", model.log_tail()))?;
    vm.check_kernel_log()?;
    vm.power_off()
}

fn on_vfio(vm: &mut Vm, chip: Chipset) -> Result<()> {
    let sysfs = format!("/sys/bus/pci/devices/{GPU_ADDRESS}");
    passes(vm, "modprobe vfio-pci && modprobe vfio_iommu_type1")?;
    passes(vm, &format!("test -e {sysfs}/iommu_group"))
        .context("the IOMMU does not have the card")?;
    let probe = format!("vhost-nova probe --gpu vfio:{GPU_ADDRESS}");

    // The card of a host as it comes is refused, with what to type.
    let refused = vm.run(&probe, |_| {})?;
    ensure!(
        refused.status != 0 && refused.text.contains("vfio-pci"),
        "a card that is not bound to vfio-pci: {refused:?}"
    );
    let listed = passes(vm, "vhost-nova devices")?.text;
    ensure!(listed.contains(GPU_ADDRESS), "devices: {listed}");

    passes(vm, &format!("echo vfio-pci >{sysfs}/driver_override"))?;
    passes(
        vm,
        &format!("echo {GPU_ADDRESS} >/sys/bus/pci/drivers_probe"),
    )?;
    passes(vm, "ls /dev/vfio/[0-9]*")?;
    // Twice: the first gives everything back.
    boots(vm, &probe, chip)?;
    boots(vm, &probe, chip)?;

    // A daemon that is killed leaves a GPU that has booted, with WPR2 set.
    passes(vm, &SERVE.replace("@GPU@", GPU_ADDRESS))?;
    let busy = vm.run(&probe, |_| {})?;
    ensure!(busy.status != 0, "two owners of one card: {busy:?}");
    passes(
        vm,
        "kill -9 $(cat /tmp/pid); while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.1; done",
    )?;
    boots(vm, &probe, chip)
}

/// Serves the card in the background, and waits until it does: then the GPU has booted.
const SERVE: &str =
    "vhost-nova serve --gpu vfio:@GPU@ --tenant name=a,socket=/tmp/a.sock >/tmp/daemon.log 2>&1 & \
    echo $! >/tmp/pid; until [ -S /tmp/a.sock ]; do \
    kill -0 $(cat /tmp/pid) || { cat /tmp/daemon.log; exit 1; }; sleep 0.1; done";

fn boots(vm: &mut Vm, probe: &str, chip: Chipset) -> Result<()> {
    let said = passes(vm, probe)?.text;
    ensure!(said.contains(chip.name()), "probe: {said}");
    Ok(())
}
