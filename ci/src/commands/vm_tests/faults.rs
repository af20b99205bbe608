// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Allocations that fail.

use super::{passes, Lab};
use crate::lab::Daemon;
use anyhow::Result;

/// On a kernel with fault injection every allocation of probe, open and the ioctls fails once: each ends in ENOMEM, and
/// nothing is left, here (the check of the log looks for leaks) or on the host. One is spared, which Linux 7.3 itself does not
/// survive (`nova_guest_tests::failslab`).
pub(crate) fn failslab(lab: &Lab) -> Result<()> {
    let daemon = Daemon::start(&["alice".into()])?;
    let mut vm = lab.boot(&daemon, "alice")?;
    passes(&mut vm, "nova-test failslab")?;
    passes(&mut vm, "nova-test run lifetime")?;
    passes(&mut vm, "rmmod virtio_nova")?;
    vm.check_kernel_log()?;
    vm.power_off()?;
    daemon.wait_freed("alice", "disconnected", 0)?;
    daemon.terminate()
}
