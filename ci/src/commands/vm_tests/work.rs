// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Work on the GPU by programs in two machines at once.

use super::{pair, Lab};
use crate::{
    guest,
    initramfs::{Contents, Extra},
    lab::{Daemon, Vm, VmConfig},
};
use anyhow::{ensure, Result};

/// Both keep some hundred MiB of objects.
const MEMORY_MIB: u32 = 1024;
const SECONDS: u32 = 30;

/// Copies of all sizes, then random work of several processes that are killed now and then; both compare every byte with
/// what it must be. Nothing is left of it on the host.
pub(crate) fn work(lab: &Lab) -> Result<()> {
    let daemon = pair()?;
    let programs = guest::programs()?;
    let extra = ["nova-copy", "nova-stress"].map(|program| Extra {
        from: programs.join(program),
        to: format!("/bin/{program}"),
    });
    let mut machines = ["alice", "bob"]
        .into_iter()
        .map(|name| boot(lab, &daemon, &extra, name))
        .collect::<Result<Vec<_>>>()?;
    for (vm, seed) in machines.iter_mut().zip(1..) {
        vm.start(&format!(
            "nova-copy && nova-stress --seed {seed} --seconds {SECONDS}"
        ))?;
    }
    for vm in &mut machines {
        let output = vm.finish(|_| {})?;
        ensure!(output.status == 0, "{}: {}", vm.name(), output.text);
    }
    for mut vm in machines {
        super::passes(&mut vm, "rmmod virtio_nova")?;
        vm.check_kernel_log()?;
        vm.power_off()?;
    }
    daemon.wait_freed("alice", "disconnected", 0)?;
    daemon.wait_freed("bob", "disconnected", 0)?;
    daemon.terminate()
}

fn boot(lab: &Lab, daemon: &Daemon, extra: &[Extra], name: &str) -> Result<Vm> {
    let vm = Vm::boot(&VmConfig {
        name: name.into(),
        contents: &Contents {
            extra,
            ..lab.contents()
        },
        socket: Some(daemon.socket(name)),
        gpu: None,
        memory_mib: lab.kernel.memory_mib().max(MEMORY_MIB),
        timeout: lab.kernel.patience(),
        verbose: false,
    })?;
    ensure!(vm.load_status == 0, "{name}: {}", vm.load_output);
    Ok(vm)
}
