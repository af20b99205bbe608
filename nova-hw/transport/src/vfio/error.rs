// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why a device cannot be had through VFIO, and what to do about it.

use std::{fmt, io, path::PathBuf};

use nova_pci::PciError;

use crate::sysfs::{bind_commands, PciAddress, PciDevice};

/// Why [`VfioPci::open`](super::VfioPci::open) failed. Displays with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such device.
    #[error("there is no PCI device {0}; `vhost-nova devices` lists the cards")]
    NoDevice(PciAddress),
    /// sysfs cannot be read.
    #[error("cannot read sysfs")]
    Sysfs(#[source] io::Error),
    /// The device has no IOMMU group.
    #[error(
        "{0} is in no IOMMU group: turn on the IOMMU in the firmware's setup (VT-d, AMD-Vi), and \
         with an Intel processor boot with intel_iommu=on"
    )]
    NoIommu(PciAddress),
    /// Another driver has the device, or none.
    #[error(
        "{} is {}, not to vfio-pci. As root:\n{}",
        .0.address, bound(.0), Commands(std::slice::from_ref(.0))
    )]
    NotBound(Box<PciDevice>),
    /// The kernel's VFIO is not there.
    #[error("there is no {0}: `modprobe vfio-pci` loads it")]
    NoVfio(PathBuf),
    /// The files of VFIO are not this user's.
    #[error("no permission for {path}: run as root, or `chown $USER {path}`")]
    Permission {
        /// The file.
        path: PathBuf,
    },
    /// Another process has the group.
    #[error(
        "IOMMU group {group} of {address} is used by another process: \
         `fuser -v /dev/vfio/{group}` names it"
    )]
    Busy {
        /// The group.
        group: u32,
        /// The device.
        address: PciAddress,
    },
    /// Other functions of the group have drivers of the host.
    #[error(
        "IOMMU group {group} of {address} is not viable: {}. As root:\n{}",
        Others(.others), Commands(.others)
    )]
    NotViable {
        /// The group.
        group: u32,
        /// The device.
        address: PciAddress,
        /// What keeps the group from being viable; often the card's audio.
        others: Vec<PciDevice>,
    },
    /// The kernel's VFIO is not of the kind that is used here.
    #[error("the kernel's VFIO has no {0}")]
    Unsupported(&'static str),
    /// The IOMMU does not isolate interrupts.
    #[error(
        "the IOMMU does not remap interrupts: turn that on in the firmware's setup, or accept the \
         risk with `echo 1 > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts`"
    )]
    UnsafeInterrupts,
    /// Something else went wrong.
    #[error("cannot {step}")]
    System {
        /// What was being done.
        step: &'static str,
        /// What came of it.
        source: io::Error,
    },
}

fn bound(device: &PciDevice) -> String {
    match &device.driver {
        Some(driver) => format!("bound to {driver}"),
        None => "bound to no driver".into(),
    }
}

struct Others<'a>(&'a [PciDevice]);

impl fmt::Display for Others<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, other) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let (address, kind) = (other.address, other.kind());
            write!(f, "{comma}{address} ({kind}) is {}", bound(other))?;
        }
        if self.0.is_empty() {
            f.write_str("a device in it has a driver of the host's")?;
        }
        Ok(())
    }
}

struct Commands<'a>(&'a [PciDevice]);

impl fmt::Display for Commands<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.0.iter().flat_map(bind_commands).collect();
        lines.dedup();
        let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Why an opened device did not do what was asked. Through the seam it is the source of
/// [`PciError::Transport`].
#[derive(Debug, thiserror::Error)]
pub enum VfioError {
    /// Memory cannot be pinned.
    #[error(
        "cannot pin {len:#x} bytes for DMA: locked memory is limited to {limit}; raise it with \
         `ulimit -l unlimited`, or LimitMEMLOCK=infinity in the service"
    )]
    MemoryLock {
        /// Bytes to pin.
        len: u64,
        /// RLIMIT_MEMLOCK, in bytes or `no limit`.
        limit: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// All mappings of the container are used.
    #[error(
        "the IOMMU takes no more mappings (65535 a process, unless dma_entry_limit says more)"
    )]
    TooManyMappings(#[source] io::Error),
    /// A reset would reset functions that are not ours.
    #[error("{address} cannot be reset on its own, and its bus is shared with {}", list(.others))]
    SharedReset {
        /// The device.
        address: PciAddress,
        /// The functions of other groups.
        others: Vec<PciAddress>,
    },
    /// Something else went wrong.
    #[error("cannot {step}")]
    System {
        /// What was being done.
        step: &'static str,
        /// What came of it.
        source: io::Error,
    },
}

fn list(addresses: &[PciAddress]) -> String {
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl From<VfioError> for PciError {
    fn from(error: VfioError) -> Self {
        let kind = match &error {
            VfioError::MemoryLock { source, .. }
            | VfioError::TooManyMappings(source)
            | VfioError::System { source, .. } => source.kind(),
            VfioError::SharedReset { .. } => io::ErrorKind::Unsupported,
        };
        Self::Transport(io::Error::new(kind, error))
    }
}

/// Names the step of a failed call.
pub(super) fn at(step: &'static str) -> impl FnOnce(io::Error) -> VfioError {
    move |source| VfioError::System { step, source }
}
