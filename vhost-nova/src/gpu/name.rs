// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What `--gpu` may name, and the one place that turns a name into a PCI device.

use std::{fmt, path::PathBuf, str::FromStr};

use nova_model::Model;
use nova_pci::Pci;
use nova_transport::{sysfs::PciAddress, VfioPci, VfioUser};

use crate::error::{Context, Error};

const THERE_IS: &str = "there is: model, model:MIB, vfio-user:SOCKET, vfio:ADDRESS";

/// A GPU, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpuName {
    /// The software model, in this process, with so many MiB of video memory if that is said.
    Model(Option<u32>),
    /// A device of another process, on a vfio-user socket.
    VfioUser(PathBuf),
    /// A physical device that vfio-pci drives.
    Vfio(PciAddress),
}

impl FromStr for GpuName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.split_once(':') {
            None if name == "model" => Ok(Self::Model(None)),
            Some(("model", mib)) => match mib.parse() {
                Ok(mib) => Ok(Self::Model(Some(mib))),
                Err(_) => Err(format!("model:{mib} names no number of MiB; {THERE_IS}")),
            },
            Some(("vfio-user", "")) => Err(format!("vfio-user: names no socket; {THERE_IS}")),
            Some(("vfio-user", socket)) => Ok(Self::VfioUser(socket.into())),
            Some(("vfio", address)) => Ok(Self::Vfio(address.parse()?)),
            _ => Err(format!("no GPU is called {name:?}; {THERE_IS}")),
        }
    }
}

impl fmt::Display for GpuName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(None) => f.write_str("model"),
            Self::Model(Some(mib)) => write!(f, "model:{mib}"),
            Self::VfioUser(socket) => write!(f, "vfio-user:{}", socket.display()),
            Self::Vfio(address) => write!(f, "vfio:{address}"),
        }
    }
}

/// Something to do on whatever device a name stands for.
pub trait OnPci {
    /// What comes of it.
    type Output;

    /// Does it.
    ///
    /// # Errors
    /// Its own.
    fn run<P: Pci + 'static>(self, pci: P) -> Result<Self::Output, Error>;
}

impl GpuName {
    /// Opens the device and does something on it.
    ///
    /// # Errors
    /// When the device can not be had, and those of what is done.
    pub fn with_pci<F: OnPci>(&self, what: F) -> Result<F::Output, Error> {
        let opening = || format!("opening GPU {self}");
        match self {
            Self::Model(mib) => {
                let mut model = Model::builder();
                if let Some(mib) = mib {
                    model = model.vram(u64::from(*mib) << 20);
                }
                what.run(model.build().context(opening())?)
            }
            Self::VfioUser(socket) => what.run(VfioUser::connect(socket).context(opening())?),
            Self::Vfio(address) => what.run(VfioPci::open(*address).context(opening())?),
        }
    }

    /// Where a physical GPU is, as `bus << 8 | device << 3 | function`.
    pub fn bdf(&self) -> u16 {
        match self {
            Self::Vfio(address) => address.bdf(),
            Self::Model(_) | Self::VfioUser(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_shown_alike() {
        for name in [
            "model",
            "model:256",
            "vfio-user:/run/nova.sock",
            "vfio:0000:01:00.0",
        ] {
            assert_eq!(name.parse::<GpuName>().unwrap().to_string(), name);
        }
        let short: GpuName = "vfio:01:00.1".parse().unwrap();
        assert_eq!(short.to_string(), "vfio:0000:01:00.1");
        assert_eq!(short.bdf(), 0x0101);
        for bad in [
            "",
            "modle",
            "model:",
            "model:1G",
            "vfio",
            "vfio:",
            "vfio:1",
            "vfio:01:00.8",
            "vfio:01:20.0",
            "vfio-user:",
            "vfio:0000:001:00.0",
            "vfio:0000:+1:00.0",
            "VFIO:01:00.0",
        ] {
            assert!(bad.parse::<GpuName>().is_err(), "{bad:?}");
        }
    }
}
