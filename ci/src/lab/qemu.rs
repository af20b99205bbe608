// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! QEMU's command line.

use super::{cleanup::bound, VmConfig};
use crate::tree::Tree;
use anyhow::{Context, Result};
use serde_json::json;
use std::{
    fs::File,
    path::Path,
    process::{Child, Stdio},
};

/// The serial ports, in order. The guest boots when somebody listens to them all.
pub(super) const PORTS: [&str; 3] = ["kernel", "output", "agent"];

/// Starts QEMU, with its sockets and logs in `dir`.
pub(super) fn start(config: &VmConfig<'_>, dir: &Path, archive: &Path) -> Result<Child> {
    let tree: &Tree = config.contents.tree;
    let program = tree.program("usr/bin/qemu-system-x86_64");
    let mut command = bound(program.get_program());
    command.args(program.get_args());
    let share = |name: &str| tree.root().join("usr/share").join(name);
    command
        .arg("-L")
        .arg(share("qemu"))
        .arg("-L")
        .arg(share("seabios"));
    let memory = config.memory_mib;
    command.args([
        // A guest that panics is at its end. See `restart`.
        "-no-reboot",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-smp",
        "1",
    ]);
    // KVM is not asked for: a /dev/kvm that does not run stock guests looks like one that does.
    // While Linux looks at its first CPU again, it knows for a moment of no fifth level of page tables, and KASAN takes
    // what an interrupt touches then for wild accesses: there is no fifth level here.
    command.args(["-accel", "tcg,thread=multi", "-cpu", "max,la57=off"]);
    command.args(["-m", &format!("{memory}M")]);
    command.args([
        "-object",
        &format!("memory-backend-memfd,id=m,size={memory}M,share=on"),
    ]);
    let iommu = config.gpu.as_ref().is_some_and(|gpu| gpu.iommu);
    let mut machine = "q35,memory-backend=m".to_owned();
    if iommu {
        // It must come before the devices that are behind it.
        machine.push_str(",kernel-irqchip=split");
        command.args(["-device", "intel-iommu,caching-mode=on,intremap=on"]);
    }
    command.args(["-machine", &machine]);
    command.arg("-kernel").arg(&config.contents.kernel.image);
    command.arg("-initrd").arg(archive);
    // The check of the timer is a matter of time, which an emulated machine does not keep.
    let mut line = "console=ttyS0 loglevel=5 panic=-1 oops=panic no_timer_check".to_owned();
    if config.contents.kernel.is_debug() {
        // KASAN would fall silent after its first report. The allocator's caches of free objects keep pointers to what
        // they gave out, which hides leaks from kmemleak; slabs that are checked have no such caches.
        line.push_str(" kasan_multi_shot slab_debug=F");
    }
    if iommu {
        line.push_str(" intel_iommu=on");
    }
    command.args(["-append", &line]);
    // No driver of the guests' takes it but the self-test's.
    command.args(["-device", "virtio-rng-pci"]);
    if let Some(gpu) = &config.gpu {
        // An IOMMU's group of its own, and its PCI Express capability with the function's reset, a device has
        // behind a port: GPU_ADDRESS, GPU_BEHIND_IOMMU.
        let (bus, place) = if gpu.iommu {
            ("gpu-port", "0.0")
        } else {
            ("pcie.0", "8.0")
        };
        if gpu.iommu {
            command.args(["-device", "pcie-root-port,id=gpu-port,bus=pcie.0,slot=1"]);
        }
        // Without its ROM's BAR: the BIOS would run what is in there, which is data. A read waits for the writes
        // before it, which on a busy machine may be many.
        let device = json!({
            "driver": "vfio-user-pci", "rombar": 0, "bus": bus, "addr": place, "x-msg-timeout": 60_000,
            "socket": { "type": "unix", "path": gpu.socket },
        });
        command.arg("-device").arg(device.to_string());
    }
    for port in PORTS {
        let path = dir.join(port);
        let log = match port {
            "kernel" => format!(",logfile={}", dir.join("kernel.log").display()),
            _ => String::new(),
        };
        command.arg("-chardev").arg(format!(
            "socket,id={port},path={},server=on,wait=on{log}",
            path.display()
        ));
        command.arg("-serial").arg(format!("chardev:{port}"));
    }
    command.arg("-qmp").arg(format!(
        "unix:{},server=on,wait=off",
        dir.join("qmp").display()
    ));
    if let Some(socket) = &config.socket {
        command
            .arg("-chardev")
            .arg(format!("socket,id=nova,path={}", socket.display()));
        command.args([
            "-device",
            "vhost-user-test-device-pci,chardev=nova,virtio-id=6,num_vqs=2,vq_size=64,config_size=256",
        ]);
    }
    let log = File::create(dir.join("qemu.log"))?;
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("starting QEMU")
}
