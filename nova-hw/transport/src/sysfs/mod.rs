// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PCI devices as sysfs shows them: who drives one, what shares its IOMMU group, how it is reset
//! (the kernel's `Documentation/ABI/testing/sysfs-bus-pci` and `sysfs-kernel-iommu_groups`).

mod bind;
mod console;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

pub use bind::bind_commands;
pub use console::Console;

/// A PCI function's address, like `0000:01:00.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    domain: u32,
    bus: u8,
    device: u8,
    function: u8,
}

impl PciAddress {
    /// An address by its numbers, the device and function as one number (`devfn`).
    pub fn new(domain: u32, bus: u8, devfn: u8) -> Self {
        Self {
            domain,
            bus,
            device: devfn >> 3,
            function: devfn & 7,
        }
    }

    /// Bus, device and function in one number: `bus << 8 | device << 3 | function`.
    pub fn bdf(&self) -> u16 {
        u16::from(self.bus) << 8 | u16::from(self.device << 3 | self.function)
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (domain, bus) = (self.domain, self.bus);
        let (device, function) = (self.device, self.function);
        write!(f, "{domain:04x}:{bus:02x}:{device:02x}.{function:x}")
    }
}

impl FromStr for PciAddress {
    type Err = String;

    /// `0000:01:00.0`, or without the domain, `01:00.0`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no PCI address like 0000:01:00.0");
        let hex = |digits: &str, max: usize| {
            let plain = digits.chars().all(|digit| digit.is_ascii_hexdigit());
            let fits = (1..=max).contains(&digits.len()) && plain;
            let number = fits.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
            number.ok_or_else(wrong)
        };
        let (rest, function) = text.split_once('.').ok_or_else(wrong)?;
        let mut parts = rest.rsplitn(3, ':');
        let (device, bus) = (parts.next(), parts.next());
        let domain = parts.next().unwrap_or("0");
        let address = Self {
            domain: hex(domain, 8)?,
            bus: hex(bus.ok_or_else(wrong)?, 2)? as u8,
            device: hex(device.ok_or_else(wrong)?, 2)? as u8,
            function: hex(function, 1)? as u8,
        };
        if address.device > 0x1f || address.function > 7 {
            return Err(wrong());
        }
        Ok(address)
    }
}

/// A PCI function in sysfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciDevice {
    /// Where it is.
    pub address: PciAddress,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Base class, subclass and programming interface.
    pub class: u32,
    /// The driver bound to it.
    pub driver: Option<String>,
    /// Its IOMMU group; absent without an IOMMU.
    pub iommu_group: Option<u32>,
    /// How the kernel would reset it, best first: `flr`, `bus`, …
    pub reset_methods: Vec<String>,
}

impl PciDevice {
    /// What its class is, for people.
    pub fn kind(&self) -> &'static str {
        match self.class >> 8 {
            0x0300 => "VGA controller",
            0x0302 => "3D controller",
            0x0403 => "audio",
            0x0604 => "bridge",
            0x0c03 => "USB controller",
            0x0c80 => "serial bus controller",
            _ if self.class >> 16 == 3 => "display controller",
            _ => "device",
        }
    }

    /// Whether its driver is one of VFIO's.
    pub fn is_vfio(&self) -> bool {
        self.driver.as_deref().is_some_and(|driver| {
            driver == "vfio-pci" || driver.ends_with("-vfio-pci") || driver.starts_with("vfio-")
        })
    }

    /// Whether the group is viable with it: VFIO's, nobody's, or a bridge that the kernel drives.
    pub fn is_viable(&self) -> bool {
        match self.driver.as_deref() {
            None | Some("pci-stub" | "pcieport") => true,
            Some(_) => self.is_vfio(),
        }
    }
}

/// A sysfs, `/sys` but in tests.
#[derive(Clone, Debug)]
pub struct Sysfs {
    root: PathBuf,
}

impl Default for Sysfs {
    fn default() -> Self {
        Self::new("/sys")
    }
}

impl Sysfs {
    /// One that is mounted elsewhere.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a device's attributes are.
    pub fn device_path(&self, address: PciAddress) -> PathBuf {
        self.root.join("bus/pci/devices").join(address.to_string())
    }

    /// A device; `None` when there is none.
    ///
    /// # Errors
    /// When its attributes cannot be read, or are no numbers.
    pub fn device(&self, address: PciAddress) -> io::Result<Option<PciDevice>> {
        let path = self.device_path(address);
        if !path.exists() {
            return Ok(None);
        }
        let number = |name: &str| hex(&path.join(name));
        let methods = optional(&path.join("reset_method"))?;
        let group = link_name(&path.join("iommu_group"))?;
        Ok(Some(PciDevice {
            address,
            vendor: number("vendor")? as u16,
            device: number("device")? as u16,
            class: number("class")?,
            driver: link_name(&path.join("driver"))?,
            iommu_group: group.and_then(|group| group.parse().ok()),
            reset_methods: methods.split_whitespace().map(str::to_owned).collect(),
        }))
    }

    /// All devices, by address.
    ///
    /// # Errors
    /// When sysfs cannot be read.
    pub fn devices(&self) -> io::Result<Vec<PciDevice>> {
        self.listed(&self.root.join("bus/pci/devices"))
    }

    /// The devices of an IOMMU group, by address.
    ///
    /// # Errors
    /// When sysfs cannot be read.
    pub fn group(&self, group: u32) -> io::Result<Vec<PciDevice>> {
        let group = group.to_string();
        self.listed(
            &self
                .root
                .join("kernel/iommu_groups")
                .join(group)
                .join("devices"),
        )
    }

    fn listed(&self, folder: &Path) -> io::Result<Vec<PciDevice>> {
        let mut devices = Vec::new();
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(devices),
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            // A group may have devices of other buses.
            let Some(Ok(address)) = name.to_str().map(PciAddress::from_str) else {
                continue;
            };
            // It may have gone meanwhile.
            devices.extend(self.device(address)?);
        }
        devices.sort_by_key(|device| device.address);
        Ok(devices)
    }
}

fn hex(path: &Path) -> io::Result<u32> {
    let text = fs::read_to_string(path)?;
    let digits = text.trim().trim_start_matches("0x");
    u32::from_str_radix(digits, 16)
        .map_err(|_| io::Error::other(format!("{}: {text:?} is no number", path.display())))
}

/// An attribute that may be absent, which is then empty.
fn optional(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}

/// The last part of what a link points to; `None` when there is no link.
fn link_name(path: &Path) -> io::Result<Option<String>> {
    match fs::read_link(path) {
        Ok(target) => Ok(target
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
