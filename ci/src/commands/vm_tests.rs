// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tests with real virtual machines.

use crate::{
    guest,
    initramfs::{Contents, Extra},
    kernel::Kernel,
    lab::{l1, Daemon, Lie, Tamper, Vm, VmConfig},
    tree::Tree,
};
use anyhow::{bail, ensure, Result};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

mod faults;
mod work;

pub(crate) use faults::failslab;
pub(crate) use work::work;

/// Works until it is killed, and keeps this many objects meanwhile.
const HOLD: &str = "nova-test hold --objects 16";
const OBJECTS: u32 = 16;
/// The same in the background, once it works.
const HOLD_BEHIND: &str =
    "nova-test hold --objects 16 >/tmp/hold & until grep -q ready /tmp/hold; do sleep 0.1; done";

/// What the machines of a test are made of.
pub(crate) struct Lab {
    tree: Tree,
    kernel: Kernel,
    module: PathBuf,
    extra: [Extra; 1],
}

impl Lab {
    pub(crate) fn new(tree: &Tree, kernel: &Kernel) -> Result<Self> {
        Ok(Self {
            tree: tree.clone(),
            kernel: kernel.clone(),
            module: guest::module(tree, kernel)?,
            extra: [Extra {
                from: guest::programs()?.join("nova-test"),
                to: "/bin/nova-test".into(),
            }],
        })
    }

    fn contents(&self) -> Contents<'_> {
        Contents {
            tree: &self.tree,
            kernel: &self.kernel,
            module: Some(&self.module),
            extra: &self.extra,
            modules: &[],
        }
    }

    fn boot(&self, daemon: &Daemon, name: &str) -> Result<Vm> {
        self.boot_at(name, daemon.socket(name))
    }

    fn boot_at(&self, name: &str, socket: PathBuf) -> Result<Vm> {
        let vm = Vm::boot(&VmConfig {
            name: name.into(),
            contents: &self.contents(),
            socket: Some(socket),
            gpu: None,
            memory_mib: self.kernel.memory_mib(),
            timeout: self.kernel.patience(),
            verbose: false,
        })?;
        ensure!(vm.load_status == 0, "{name}: {}", vm.load_output);
        Ok(vm)
    }
}

fn pair() -> Result<Daemon> {
    Daemon::start(&["alice".into(), "bob".into()])
}

fn passes(vm: &mut Vm, command: &str) -> Result<()> {
    let output = vm.run(command, |_| {})?;
    ensure!(
        output.status == 0,
        "{}: {command}: {}\n{}",
        vm.name(),
        output.status,
        output.text
    );
    Ok(())
}

/// The self-test of kernel-abi and drm-core, twice: what it leaves behind would be in the way of the second load.
pub(crate) fn selftest(lab: &Lab) -> Result<()> {
    let mut vm = selftest_vm(lab)?;
    passes(&mut vm, "kernel-abi-selftest")?;
    passes(&mut vm, "kernel-abi-selftest")?;
    vm.check_kernel_log()?;
    vm.power_off()
}

/// The mistakes of the self-test's negative controls are reported, each as what it is, and found by the check of the log.
pub(crate) fn controls(lab: &Lab) -> Result<()> {
    // lockdep stops at the first report of any kind.
    const REPORTS: &[(&str, &str)] = &[
        (
            "lock-inversion",
            "WARNING: possible circular locking dependency",
        ),
        (
            "atomic-sleep",
            "BUG: sleeping function called from invalid context",
        ),
        ("out-of-bounds", "BUG: KASAN: slab-out-of-bounds"),
        ("use-after-free", "BUG: KASAN: slab-use-after-free"),
    ];
    let mut vm = selftest_vm(lab)?;
    let unload = "rmmod kernel_abi_selftest";
    passes(&mut vm, "modprobe kernel_abi_selftest control=leak")?;
    let leaks = vm.leaks()?;
    ensure!(
        leaks.contains("unreferenced object") && leaks.contains("kernel_abi_selftest"),
        "the leak was not found: {leaks:?}"
    );
    passes(&mut vm, unload)?;
    for (control, report) in REPORTS {
        let before = vm.kernel_log().len();
        passes(
            &mut vm,
            &format!("modprobe kernel_abi_selftest control={control}"),
        )?;
        passes(&mut vm, unload)?;
        let said = vm.complaint(before);
        ensure!(
            said.as_ref().is_some_and(|line| line.contains(report)),
            "{control}: the kernel says {said:?}"
        );
    }
    vm.power_off()
}

fn selftest_vm(lab: &Lab) -> Result<Vm> {
    let extra = [
        guest::selftest(&lab.tree, &lab.kernel)?,
        Extra {
            from: guest::programs()?.join("kernel-abi-selftest"),
            to: "/bin/kernel-abi-selftest".into(),
        },
    ];
    Vm::boot(&VmConfig {
        name: "selftest".into(),
        contents: &Contents {
            module: None,
            extra: &extra,
            ..lab.contents()
        },
        socket: None,
        gpu: None,
        memory_mib: lab.kernel.memory_mib(),
        timeout: lab.kernel.patience(),
        verbose: false,
    })
}

/// The render node's own suite, reloads, and an unload that leaves nothing behind.
pub(crate) fn suite(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut vm = lab.boot(&daemon, "alice")?;
    passes(&mut vm, "nova-test run")?;
    passes(&mut vm, "nova-test reload 3")?;
    passes(&mut vm, "rmmod virtio_nova")?;
    passes(&mut vm, "test ! -e /dev/dri/renderD128")?;
    // The id is that of the device: modules.alias finds the driver.
    passes(
        &mut vm,
        "modprobe $(cat /sys/bus/virtio/devices/virtio*/modalias | grep d00000006)",
    )?;
    passes(&mut vm, "nova-test run uapi")?;
    vm.check_kernel_log()?;
    vm.power_off()?;
    daemon.wait_log(&["disconnected", " 0 objects freed", "alice"])?;
    daemon.terminate()
}

/// A machine that is killed in the middle of its work frees what it held, and the other goes on.
pub(crate) fn killed(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut alice = lab.boot(&daemon, "alice")?;
    let mut bob = lab.boot(&daemon, "bob")?;
    bob.start(HOLD)?;
    bob.wait_line("ready")?;
    alice.start("nova-test run memory")?;
    bob.kill()?;
    daemon.wait_freed("bob", "disconnected", OBJECTS)?;
    ensure!(
        !daemon
            .log()
            .lines()
            .any(|line| line.contains("disconnected") && line.contains("alice")),
        "alice was disconnected too"
    );
    let output = alice.finish(|_| {})?;
    ensure!(output.status == 0, "alice: {}", output.text);
    // The tenant can come back.
    let mut bob = lab.boot(&daemon, "bob")?;
    passes(&mut bob, "nova-test run memory")?;
    passes(&mut alice, "nova-test run lifetime")?;
    alice.check_kernel_log()?;
    bob.check_kernel_log()?;
    daemon.terminate()
}

/// A machine that is reset in the middle of its work frees what it held, comes back, and the other goes on.
pub(crate) fn reset(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut alice = lab.boot(&daemon, "alice")?;
    let mut bob = lab.boot(&daemon, "bob")?;
    bob.start(HOLD)?;
    bob.wait_line("ready")?;
    alice.start("nova-test run memory")?;
    bob.reset()?;
    daemon.wait_freed("bob", "reset", OBJECTS)?;
    ensure!(
        bob.load_status == 0,
        "bob after the reset: {}",
        bob.load_output
    );
    let output = alice.finish(|_| {})?;
    ensure!(output.status == 0, "alice: {}", output.text);
    alice.check_kernel_log()?;
    daemon.terminate()
}

/// A machine that reboots by itself, in the middle of its work, frees what it held and comes back.
pub(crate) fn rebooted(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut alice = lab.boot(&daemon, "alice")?;
    let mut bob = lab.boot(&daemon, "bob")?;
    // In the background, as it is the agent that reboots.
    passes(&mut bob, HOLD_BEHIND)?;
    alice.start("nova-test run memory")?;
    bob.reboot()?;
    daemon.wait_freed("bob", "reset", OBJECTS)?;
    ensure!(
        bob.load_status == 0,
        "bob after the reboot: {}",
        bob.load_output
    );
    passes(&mut bob, "nova-test run memory")?;
    let output = alice.finish(|_| {})?;
    ensure!(output.status == 0, "alice: {}", output.text);
    alice.check_kernel_log()?;
    bob.check_kernel_log()?;
    daemon.terminate()
}

/// A machine whose kernel panics is at its end, and frees what it held.
pub(crate) fn panicked(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut alice = lab.boot(&daemon, "alice")?;
    let mut bob = lab.boot(&daemon, "bob")?;
    passes(&mut bob, HOLD_BEHIND)?;
    bob.start("echo c >/proc/sysrq-trigger")?;
    let error = match bob.finish(|_| {}) {
        Ok(output) => bail!("bob went on after a panic: {output:?}"),
        Err(error) => format!("{error:#}"),
    };
    ensure!(
        error.contains("Kernel panic"),
        "the panic is not shown: {error}"
    );
    daemon.wait_freed("bob", "disconnected", OBJECTS)?;
    passes(&mut alice, "nova-test run memory")?;
    alice.check_kernel_log()?;
    daemon.terminate()
}

/// A host that says nothing: the call is given up after the module's `timeout_ms`, and what it would have created is taken
/// back when the host goes on.
pub(crate) fn silent_host(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut vm = lab.boot(&daemon, "alice")?;
    passes(&mut vm, "rmmod virtio_nova")?;
    let refused = vm.run("modprobe virtio_nova timeout_ms=0", |_| {})?;
    ensure!(refused.status != 0, "no time at all is accepted");
    passes(&mut vm, "modprobe virtio_nova timeout_ms=1000")?;
    vm.start("nova-test silent-host")?;
    vm.wait_line("stop the host now")?;
    daemon.stop()?;
    vm.wait_line("given up: let the host go on")?;
    daemon.go_on()?;
    vm.wait_line("works again")?;
    let output = vm.finish(|_| {})?;
    ensure!(output.status == 0, "{}", output.text);
    vm.check_kernel_log()?;
    passes(&mut vm, "rmmod virtio_nova")?;
    vm.power_off()?;
    daemon.wait_freed("alice", "disconnected", 0)?;
    daemon.terminate()
}

/// A process that waits for a host which does not answer can be killed; the late answer is undone.
pub(crate) fn killed_waiter(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut vm = lab.boot(&daemon, "alice")?;
    vm.start("nova-test kill-waiter")?;
    vm.wait_line("stop the host now")?;
    daemon.stop()?;
    vm.wait_line("the waiter is gone: let the host go on")?;
    daemon.go_on()?;
    vm.wait_line("works again")?;
    let output = vm.finish(|_| {})?;
    ensure!(output.status == 0, "{}", output.text);
    vm.check_kernel_log()?;
    passes(&mut vm, "rmmod virtio_nova")?;
    vm.power_off()?;
    // What the dead process had created, the late answer's object included, is gone by then.
    daemon.wait_freed("alice", "disconnected", 0)?;
    daemon.terminate()
}

/// A machine that is paused, as QEMU's `stop` and `cont` do it, goes on with what it had.
pub(crate) fn paused(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut alice = lab.boot(&daemon, "alice")?;
    passes(&mut alice, HOLD_BEHIND)?;
    for _ in 0..3 {
        alice.pause()?;
        daemon.wait_log(&["control queue stopped", "alice"])?;
        alice.resume()?;
        // A new file, and the one that was open all the time.
        passes(&mut alice, "nova-test run memory")?;
        passes(&mut alice, "pidof nova-test")?;
    }
    ensure!(
        !daemon.log().contains("reset, "),
        "a pause was taken for a reset"
    );
    alice.check_kernel_log()?;
    daemon.terminate()
}

/// Devices that are not for this driver, or that it cannot drive, are declined with one line and make no node. The
/// configuration's offsets are those of the specification's section 4.
pub(crate) fn declined(lab: &Lab) -> Result<()> {
    let lies: &[(&str, Lie)] = &[
        ("that is not virtio-nova", config(0, *b"disk")),
        ("speaks version 2.7", config(4, [2, 0, 7, 0])),
        ("takes no memory entries", config(20, [0; 4])),
    ];
    let daemon = pair()?;
    let alice_tamper = Tamper::start(&daemon.socket("alice"), Lie::default())?;
    let mut alice = lab.boot_at("alice", alice_tamper.socket())?;
    // What stands between changes nothing by itself.
    passes(&mut alice, "nova-test run uapi")?;
    for (line, lie) in lies {
        passes(&mut alice, "rmmod virtio_nova")?;
        alice_tamper.tell(*lie);
        declines(&mut alice, line)?;
    }
    passes(&mut alice, "rmmod virtio_nova")?;
    alice_tamper.tell(Lie::default());
    passes(&mut alice, "modprobe virtio_nova")?;
    passes(&mut alice, "nova-test run uapi")?;
    alice.check_kernel_log()?;

    let bob_tamper = Tamper::start(
        &daemon.socket("bob"),
        Lie {
            access_platform: true,
            ..Lie::default()
        },
    )?;
    let mut bob = lab.boot_at("bob", bob_tamper.socket())?;
    passes(&mut bob, "rmmod virtio_nova")?;
    declines(&mut bob, "VIRTIO_F_ACCESS_PLATFORM")?;
    bob.check_kernel_log()?;
    daemon.terminate()
}

/// Parameters that make no sense end the load with one line that names them; one that the module does not have is ignored
/// with one line.
pub(crate) fn parameters(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let mut vm = lab.boot(&daemon, "alice")?;
    for (parameter, line) in [
        (
            "timeout_ms=soon",
            "`soon' invalid for parameter `timeout_ms'",
        ),
        (
            "timeout_ms=0",
            "timeout_ms=0 leaves a host no time to answer",
        ),
        ("timeout_ms=-1", "`-1' invalid for parameter `timeout_ms'"),
        ("timeout_ms", "`' invalid for parameter `timeout_ms'"),
        ("colour=blue", "unknown parameter 'colour' ignored"),
    ] {
        passes(&mut vm, "rmmod virtio_nova; dmesg -c >/dev/null")?;
        let load = vm.run(&format!("modprobe virtio_nova {parameter}"), |_| {})?;
        let loads = line.ends_with("ignored");
        ensure!(
            (load.status == 0) == loads,
            "{parameter}: {}: {}",
            load.status,
            load.text
        );
        // The guest's modprobe tries a second system call after the first was refused.
        let said = vm.run(
            "dmesg | grep 'virtio_nova: ' | grep -v -e ' loaded$' -e ' of VRAM' | sed 's/^[^]]*] //' | sort -u",
            |_| {},
        )?;
        ensure!(
            said.text.lines().count() == 1 && said.text.contains(line),
            "{parameter}: not one line with {line:?}: {:?}",
            said.text
        );
        if !loads {
            passes(&mut vm, "modprobe virtio_nova")?;
        }
    }
    vm.check_kernel_log()?;
    daemon.terminate()
}

fn config(offset: usize, bytes: [u8; 4]) -> Lie {
    Lie {
        config: Some((offset, bytes)),
        ..Lie::default()
    }
}

/// Loads the module, which must say this in one line, and make no node. The kernel may add that the probe failed.
fn declines(vm: &mut Vm, line: &str) -> Result<()> {
    passes(vm, "dmesg -c >/dev/null; modprobe virtio_nova")?;
    passes(vm, "test ! -e /dev/dri/renderD128")?;
    let output = vm.run("dmesg | grep 'virtio_nova: ' | grep -v ' loaded$'", |_| {})?;
    ensure!(
        output.text.lines().count() == 1 && output.text.contains(line),
        "{}: not one line with {line:?}: {:?}",
        vm.name(),
        output.text
    );
    Ok(())
}

/// The render node's suite in two machines of cloud-hypervisor, which run in a machine that has KVM.
pub(crate) fn cloud_hypervisor(lab: &Lab, program: &Path) -> Result<()> {
    let inner = l1::Inner {
        contents: lab.contents(),
        command: "nova-test run",
        vms: 2,
        memory_mib: 256,
    };
    let mut text = String::new();
    let timeout = Duration::from_secs(400);
    let statuses = l1::run(&lab.tree, program, &inner, timeout, false, |line| {
        text.push_str(line);
        text.push('\n');
    })?;
    ensure!(statuses == [0, 0], "{statuses:?}:\n{text}");
    Ok(())
}
