// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `cargo xtask judge vfio`: the model as a card of a guest that has an IOMMU and Debian's kernel, and our driver on
//! that kernel's VFIO.

use super::passes;
use crate::{
    firmware,
    initramfs::{Contents, Extra},
    kernel::Kernel,
    lab::{cleanup::TempDir, l1, GpuModel, Vm, VmConfig, GPU_BEHIND_IOMMU},
    run::step,
    tree::Tree,
};
use anyhow::{ensure, Context, Result};
use nova_spec::chip::Chipset;
use std::{fs, time::Duration};

/// The whole judgement.
pub(crate) fn judge(tree: &Tree, chip: Chipset, verbose: bool) -> Result<()> {
    let kernel = Kernel::newest(tree)?;
    let files = firmware::for_our_driver(chip)?;
    let mut extra = files.extra.clone();
    for (program, name) in [
        (l1::static_daemon()?, "vhost-nova"),
        (l1::static_program("nova-conformance", SUITE)?, SUITE),
    ] {
        extra.push(Extra {
            from: program,
            to: format!("/bin/{name}"),
        });
    }
    // The first boot hangs: GSP-RM never says that it is up.
    let dir = TempDir::new()?;
    let plan = dir.path().join("plan");
    fs::write(&plan, "message 0x1001 drop\n")?;
    let chip_name = chip.name().to_lowercase();
    let plan = plan.to_string_lossy();
    let model = GpuModel::start(&["--chip", &chip_name, "--fault", &plan])?;
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
    let sysfs = format!("/sys/bus/pci/devices/{GPU_BEHIND_IOMMU}");
    passes(vm, "modprobe vfio-pci && modprobe vfio_iommu_type1")?;
    passes(vm, &format!("test -e {sysfs}/iommu_group"))
        .context("the IOMMU does not have the card")?;
    let probe = format!("vhost-nova probe --gpu vfio:{GPU_BEHIND_IOMMU}");

    // The card of a host as it comes is refused, with what to type.
    let refused = vm.run(&probe, |_| {})?;
    ensure!(
        refused.status != 0 && refused.text.contains("vfio-pci"),
        "a card that is not bound to vfio-pci: {refused:?}"
    );
    let listed = passes(vm, "vhost-nova devices")?.text;
    ensure!(listed.contains(GPU_BEHIND_IOMMU), "devices: {listed}");

    passes(vm, &format!("echo vfio-pci >{sysfs}/driver_override"))?;
    passes(
        vm,
        &format!("echo {GPU_BEHIND_IOMMU} >/sys/bus/pci/drivers_probe"),
    )?;
    passes(vm, "ls /dev/vfio/[0-9]*")?;
    // Killed in the middle of a boot, with WPR2 set and the RISC-V running: the next one resets the card.
    passes(vm, &BOOT_TO_HANG.replace("@GPU@", GPU_BEHIND_IOMMU))?;
    let busy = vm.run(&probe, |_| {})?;
    ensure!(
        busy.status != 0 && busy.text.contains("used by another process"),
        "two owners of one card: {busy:?}"
    );
    passes(vm, KILL)?;
    // Twice: the first gives everything back.
    boots(vm, &probe, chip)?;
    boots(vm, &probe, chip)?;

    // What every transport must do: DMA reaches what is mapped through the IOMMU, and nothing else.
    let suite = passes(vm, &format!("{SUITE} vfio:{GPU_BEHIND_IOMMU}"))?.text;
    ensure!(suite.contains("all passed"), "{SUITE}: {suite}");

    // A daemon that is killed leaves a GPU that has booted, with WPR2 set.
    passes(vm, &SERVE.replace("@GPU@", GPU_BEHIND_IOMMU))?;
    let busy = vm.run(&probe, |_| {})?;
    ensure!(busy.status != 0, "two owners of one card: {busy:?}");
    passes(vm, KILL)?;
    boots(vm, &probe, chip)
}

/// The suite of checks, as a program.
const SUITE: &str = "pci-conformance";

/// Probes in the background, until the RISC-V was seen to run.
const BOOT_TO_HANG: &str =
    "vhost-nova --log-level trace probe --gpu vfio:@GPU@ >/tmp/boot.log 2>&1 & \
    echo $! >/tmp/pid; until grep -q RISCV_CPUCTL /tmp/boot.log; do \
    kill -0 $(cat /tmp/pid) || { cat /tmp/boot.log; exit 1; }; sleep 0.1; done";

/// Kills what runs in the background, which has not ended by itself.
const KILL: &str =
    "kill -9 $(cat /tmp/pid) && while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.1; done";

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
