// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What to heed, and what to type next.

use nova_spec::firmware::names::{DEBIAN_PACKAGE, VERSION};
use nova_transport::sysfs::{bind_commands, PciDevice};

use super::firmware::Firmware;

/// What stands in the way, or would hurt.
pub(crate) fn warnings(gpu: &PciDevice, console: &[String], firmware: &[Firmware]) -> Vec<String> {
    let mut warnings = Vec::new();
    if !console.is_empty() {
        warnings.push(format!(
            "this card shows the console ({}): the screen goes dark once it is taken. Have \
             another way in, like ssh, before",
            console.join(", ")
        ));
    }
    if gpu.iommu_group.is_none() {
        warnings.push(
            "no IOMMU group: turn on the IOMMU in the firmware's setup (VT-d, AMD-Vi), and with \
             an Intel processor boot with intel_iommu=on"
                .into(),
        );
    }
    if gpu.reset_methods.is_empty() {
        warnings.push(
            "the kernel knows no reset for this card: after a crash only turning the host off \
             helps"
                .into(),
        );
    }
    if !firmware.iter().any(|firmware| firmware.installed) {
        warnings.push(format!(
            "there is no GSP firmware {VERSION}: Debian's package {DEBIAN_PACKAGE} \
             (non-free-firmware) has it"
        ));
    }
    warnings
}

/// The commands until the card can be used, or the one to use it.
pub(crate) fn commands(gpu: &PciDevice, others: &[PciDevice]) -> Vec<String> {
    if gpu.iommu_group.is_none() {
        return Vec::new();
    }
    let unviable = others.iter().filter(|other| !other.is_viable());
    let to_bind = (!gpu.is_vfio()).then_some(gpu).into_iter().chain(unviable);
    let mut commands: Vec<String> = Vec::new();
    for command in to_bind.flat_map(bind_commands) {
        // Loading the module once is enough.
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    if commands.is_empty() {
        commands.push(format!("vhost-nova probe --gpu vfio:{}", gpu.address));
    }
    commands
}
