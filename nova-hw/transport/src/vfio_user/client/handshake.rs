// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The first messages: the version, and what the device has.

use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_IRQ_INFO_EVENTFD,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::{
    connection::{Call, Connection},
    region::Region,
};
use crate::vfio_user::{
    error::VfioUserError,
    message::{argsz, Command, DeviceInfo, IrqInfo, Version, MAX_DATA},
    version::{self, Capabilities},
};

/// What a peer's device has.
pub(crate) struct Device {
    /// By VFIO's index, up to configuration space.
    pub(crate) regions: Vec<Region>,
    /// How many MSI vectors it can send; 0 when it has no MSI.
    pub(crate) msi_vectors: u32,
    pub(crate) resettable: bool,
    /// The most data in a message.
    pub(crate) max_data: usize,
}

pub(crate) fn introduce(connection: &Connection) -> Result<Device, VfioUserError> {
    let capabilities = negotiate(connection)?;
    let info = DeviceInfo {
        argsz: argsz::<DeviceInfo>(),
        ..DeviceInfo::new_zeroed()
    };
    let info: DeviceInfo = ask(connection, Command::GET_INFO, &info)?;
    let pci = info.flags & VFIO_DEVICE_FLAGS_PCI != 0;
    if !pci || info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX {
        return Err(VfioUserError::NotPci {
            flags: info.flags,
            regions: info.num_regions,
        });
    }
    let regions = (0..=VFIO_PCI_CONFIG_REGION_INDEX)
        .map(|index| Region::ask(connection, index))
        .collect::<Result<_, _>>()?;
    Ok(Device {
        regions,
        msi_vectors: msi_vectors(connection, info.num_irqs)?,
        resettable: info.flags & VFIO_DEVICE_FLAGS_RESET != 0,
        // At least a register must fit.
        max_data: capabilities
            .max_data_xfer_size
            .clamp(8, u64::from(MAX_DATA)) as usize,
    })
}

fn negotiate(connection: &Connection) -> Result<Capabilities, VfioUserError> {
    let command = Command::VERSION;
    let ours = Version {
        major: version::MAJOR,
        minor: version::MINOR,
    };
    let text = version::text();
    let call = Call {
        command,
        parts: &[ours.as_bytes(), &text],
        fds: &[],
    };
    let mut reply = vec![0; size_of::<Version>() + version::MAX_TEXT];
    let (len, _) = connection.call(&call, &mut reply)?;
    let nonsense = |what: String| VfioUserError::nonsense(command, what);
    let reply = reply.get(..len).unwrap_or_default();
    let (theirs, text) =
        Version::read_from_prefix(reply).map_err(|_| nonsense(format!("{len} bytes")))?;
    // A server answers with the version that it will speak, which is never above the client's.
    if theirs.major != version::MAJOR || theirs.minor > version::MINOR {
        return Err(VfioUserError::Version {
            major: theirs.major,
            minor: theirs.minor,
        });
    }
    version::parse(text).map_err(|error| nonsense(error.to_string()))
}

fn msi_vectors(connection: &Connection, num_irqs: u32) -> Result<u32, VfioUserError> {
    if num_irqs <= VFIO_PCI_MSI_IRQ_INDEX {
        return Ok(0);
    }
    let question = IrqInfo {
        argsz: argsz::<IrqInfo>(),
        index: VFIO_PCI_MSI_IRQ_INDEX,
        ..IrqInfo::new_zeroed()
    };
    let info: IrqInfo = ask(connection, Command::GET_IRQ_INFO, &question)?;
    let usable = info.flags & VFIO_IRQ_INFO_EVENTFD != 0;
    Ok(if usable { info.count } else { 0 })
}

/// Asks with a structure that comes back filled.
fn ask<T: FromBytes + IntoBytes + zerocopy::Immutable>(
    connection: &Connection,
    command: Command,
    question: &T,
) -> Result<T, VfioUserError> {
    let mut answer = T::new_zeroed();
    let call = Call {
        command,
        parts: &[question.as_bytes()],
        fds: &[],
    };
    let (len, _) = connection.call(&call, answer.as_mut_bytes())?;
    if len != size_of::<T>() {
        return Err(VfioUserError::nonsense(command, format!("{len} bytes")));
    }
    Ok(answer)
}
