// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! From an address to a device that is ours: group, container, device.

use std::{
    ffi::CString,
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use vfio_bindings::bindings::vfio::{
    VFIO_TYPE1v2_IOMMU, VFIO_API_VERSION, VFIO_GROUP_FLAGS_VIABLE,
};

use super::{error::OpenError, sys};
use crate::sysfs::{PciAddress, PciDevice, Sysfs};

/// A device and what keeps it ours.
///
/// The fields are closed in this order, which is the kernel's: a group with an open device does
/// not leave its container.
pub(crate) struct Opened {
    pub(crate) device: Arc<File>,
    pub(crate) group: File,
    pub(crate) container: File,
}

/// Opens the device at `address`.
pub(crate) fn open(sysfs: &Sysfs, dev: &Path, address: PciAddress) -> Result<Opened, OpenError> {
    let known = sysfs.device(address).map_err(OpenError::Sysfs)?;
    let known = known.ok_or(OpenError::NoDevice(address))?;
    let group = known.iommu_group.ok_or(OpenError::NoIommu(address))?;
    if !known.is_vfio() {
        return Err(OpenError::NotBound(Box::new(known)));
    }
    let container = open_file(&dev.join("vfio/vfio"))?;
    check_container(&container)?;
    let group_file = open_group(dev, group, address)?;
    let flags = sys::group_flags(&group_file).map_err(at("ask for the IOMMU group's state"))?;
    if flags & VFIO_GROUP_FLAGS_VIABLE == 0 {
        let others = sysfs.group(group).map_err(OpenError::Sysfs)?;
        return Err(OpenError::NotViable {
            group,
            address,
            others: unviable(others),
        });
    }
    match sys::set_container(&group_file, &container) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            return Err(OpenError::Busy { group, address })
        }
        other => other.map_err(at("put the IOMMU group into a container"))?,
    }
    match sys::set_iommu(&container, VFIO_TYPE1v2_IOMMU) {
        // What type 1 says without interrupt remapping.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(OpenError::UnsafeInterrupts)
        }
        other => other.map_err(at("choose the type-1 IOMMU"))?,
    }
    // PANIC: not reachable, an address has no zero byte.
    let name = CString::new(address.to_string()).unwrap_or_default();
    let device = match sys::device(&group_file, &name) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            return Err(OpenError::Busy { group, address })
        }
        other => other.map_err(at("get the device from its group"))?,
    };
    Ok(Opened {
        device: Arc::new(device),
        group: group_file,
        container,
    })
}

/// What of a group keeps it from being viable.
pub(crate) fn unviable(group: Vec<PciDevice>) -> Vec<PciDevice> {
    let devices = group.into_iter();
    devices.filter(|device| !device.is_viable()).collect()
}

fn open_file(path: &Path) -> Result<File, OpenError> {
    let path = PathBuf::from(path);
    let opened = OpenOptions::new().read(true).write(true).open(&path);
    opened.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => OpenError::NoVfio(path),
        io::ErrorKind::PermissionDenied => OpenError::Permission { path },
        _ => OpenError::System {
            step: "open /dev/vfio",
            source,
        },
    })
}

fn open_group(dev: &Path, group: u32, address: PciAddress) -> Result<File, OpenError> {
    match open_file(&dev.join("vfio").join(group.to_string())) {
        Err(OpenError::System { source, .. }) if source.kind() == io::ErrorKind::ResourceBusy => {
            Err(OpenError::Busy { group, address })
        }
        other => other,
    }
}

fn check_container(container: &File) -> Result<(), OpenError> {
    let version = sys::api_version(container).map_err(at("ask for VFIO's version"))?;
    if u32::try_from(version) != Ok(VFIO_API_VERSION) {
        return Err(OpenError::Unsupported("API version 0"));
    }
    match sys::has_extension(container, VFIO_TYPE1v2_IOMMU) {
        Ok(true) => Ok(()),
        // The module is loaded by that name.
        Ok(false) => Err(OpenError::Unsupported(
            "type-1 IOMMU: `modprobe vfio_iommu_type1` loads it",
        )),
        Err(source) => Err(at("ask for VFIO's extensions")(source)),
    }
}

pub(super) fn at(step: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::System { step, source }
}
