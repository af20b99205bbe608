// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What to type so that vfio-pci drives a device.

use super::PciDevice;

/// Shell commands, for root, that give a device to vfio-pci until the next boot.
pub fn bind_commands(device: &PciDevice) -> Vec<String> {
    let address = device.address;
    let path = format!("/sys/bus/pci/devices/{address}");
    let mut commands = vec![
        "modprobe vfio-pci".into(),
        format!("echo vfio-pci > {path}/driver_override"),
    ];
    if device.driver.is_some() {
        commands.push(format!("echo {address} > {path}/driver/unbind"));
    }
    commands.push(format!("echo {address} > /sys/bus/pci/drivers_probe"));
    commands
}
