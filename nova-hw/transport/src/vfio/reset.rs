// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Resetting a device: the function alone where it can, else everything on its bus or slot, if
//! all of that is ours.

use super::{
    error::{at, VfioError},
    open::Opened,
    sys::{self, DependentDevice},
};
use crate::sysfs::PciAddress;

pub(crate) fn reset(
    opened: &Opened,
    resettable: bool,
    address: PciAddress,
) -> Result<(), VfioError> {
    if resettable {
        return sys::reset(&opened.device).map_err(at("reset the device"));
    }
    let affected = sys::hot_reset_info(&opened.device);
    let affected = affected.map_err(at("ask what a reset of the bus resets"))?;
    let others = others(&affected, address);
    if !others.is_empty() {
        return Err(VfioError::SharedReset { address, others });
    }
    sys::hot_reset(&opened.device, &opened.group).map_err(at("reset the device's bus"))
}

/// What is in another group than the device at `address`.
fn others(affected: &[DependentDevice], address: PciAddress) -> Vec<PciAddress> {
    let place =
        |device: &DependentDevice| PciAddress::new(device.segment.into(), device.bus, device.devfn);
    let ours = affected.iter().find(|device| place(device) == address);
    let ours = ours.map(|device| device.group);
    let foreign = affected.iter().filter(|device| Some(device.group) != ours);
    foreign.map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_other_groups_are_named() {
        let device = |group, bus, devfn| DependentDevice {
            group,
            segment: 0,
            bus,
            devfn,
        };
        let gpu: PciAddress = "0000:01:00.0".parse().unwrap();
        let card = [device(7, 1, 0), device(7, 1, 1)];
        assert_eq!(others(&card, gpu), []);
        let shared = [device(7, 1, 0), device(8, 1, 1)];
        assert_eq!(others(&shared, gpu), ["0000:01:00.1".parse().unwrap()]);
        // The kernel always names the device itself; without that nothing is known to be ours.
        assert_eq!(others(&[device(7, 1, 1)], gpu).len(), 1);
    }
}
