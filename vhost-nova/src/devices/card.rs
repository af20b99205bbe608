// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What is known of a card.

use std::io;

use nova_spec::pci::{class, VENDOR_NVIDIA};
use nova_transport::sysfs::{PciDevice, Sysfs};
use serde::Serialize;

use super::firmware::{Firmware, Folders};
use super::next;

/// An NVIDIA GPU. The fields are the keys of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Card {
    /// Like `0000:01:00.0`.
    pub(crate) address: String,
    /// Vendor and device id, like `10de:2204`.
    pub(crate) id: String,
    /// What its class is, for people.
    pub(crate) kind: &'static str,
    /// The driver bound to it.
    pub(crate) driver: Option<String>,
    pub(crate) iommu_group: Option<u32>,
    /// What else is in the group.
    pub(crate) group_members: Vec<Member>,
    /// How the kernel would reset it, best first.
    pub(crate) reset_methods: Vec<String>,
    /// Why taking it may take the console away.
    pub(crate) console: Vec<String>,
    pub(crate) firmware: Vec<Firmware>,
    /// VFIO can have it now.
    pub(crate) ready: bool,
    /// What to heed before anything else.
    pub(crate) warnings: Vec<String>,
    /// What to type next, as root; the last line when all is ready.
    pub(crate) next: Vec<String>,
}

/// Another function of the card's IOMMU group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Member {
    pub(crate) address: String,
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) driver: Option<String>,
    /// VFIO can have the group with it as it is.
    pub(crate) viable: bool,
}

impl Card {
    /// All NVIDIA GPUs, by address.
    pub(crate) fn all(sysfs: &Sysfs, folders: &Folders) -> io::Result<Vec<Self>> {
        let firmware = folders.installed();
        let is_gpu = |device: &PciDevice| {
            device.vendor == VENDOR_NVIDIA && device.class >> 16 == u32::from(class::BASE_DISPLAY)
        };
        let devices = sysfs.devices()?.into_iter().filter(is_gpu);
        devices
            .map(|gpu| Self::of(sysfs, &gpu, &firmware))
            .collect()
    }

    fn of(sysfs: &Sysfs, gpu: &PciDevice, firmware: &[Firmware]) -> io::Result<Self> {
        let mut others = match gpu.iommu_group {
            Some(group) => sysfs.group(group)?,
            None => Vec::new(),
        };
        others.retain(|other| other.address != gpu.address);
        let console = sysfs.console(gpu.address)?;
        let mut reasons = Vec::new();
        if console.boot_vga {
            reasons.push("boot_vga".to_owned());
        }
        if console.fbcon {
            let on = |framebuffer| format!("fbcon on {framebuffer}");
            reasons.extend(console.framebuffers.iter().map(on));
        }
        let viable = others.iter().all(PciDevice::is_viable);
        let ready = gpu.iommu_group.is_some() && gpu.is_vfio() && viable;
        Ok(Self {
            address: gpu.address.to_string(),
            id: id(gpu),
            kind: gpu.kind(),
            driver: gpu.driver.clone(),
            iommu_group: gpu.iommu_group,
            reset_methods: gpu.reset_methods.clone(),
            warnings: next::warnings(gpu, &reasons, firmware),
            next: next::commands(gpu, &others),
            console: reasons,
            firmware: firmware.to_vec(),
            ready,
            group_members: others.iter().map(Member::of).collect(),
        })
    }
}

impl Member {
    fn of(device: &PciDevice) -> Self {
        Self {
            address: device.address.to_string(),
            id: id(device),
            kind: device.kind(),
            driver: device.driver.clone(),
            viable: device.is_viable(),
        }
    }
}

fn id(device: &PciDevice) -> String {
    format!("{:04x}:{:04x}", device.vendor, device.device)
}
