// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The GPU that the daemon shares.
//!
//! The daemon knows the driver only. Which PCI device the driver runs on is decided in
//! [`Gpu::open`] and nowhere else.

use std::any::Any;
use std::str::FromStr;

use nova_model::Model;
use nova_pci::Pci;

use crate::device::GpuIdentity;
use crate::error::{Context, Error};

/// What `--gpu` may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpuName {
    /// The software model, in this process.
    Model,
}

impl FromStr for GpuName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "model" => Ok(Self::Model),
            _ if name.starts_with("vfio:") || name.starts_with("vfio-user:") => Err(format!(
                "{name:?} is not yet supported in this version; there is: model"
            )),
            _ => Err(format!("no GPU is called {name:?}; there is: model")),
        }
    }
}

/// An opened GPU.
pub struct Gpu {
    identity: GpuIdentity,
    description: String,
    // Keeps the card taken over for as long as tenants may use it.
    _driver: Box<dyn Any + Send + Sync>,
}

impl Gpu {
    /// Takes the GPU over.
    ///
    /// # Errors
    /// When the device can not be had or is not a GPU that the driver knows.
    pub fn open(name: &GpuName) -> Result<Self, Error> {
        match name {
            GpuName::Model => {
                let model = Model::builder().build();
                Self::probe(model.context("building the GPU model")?)
            }
        }
    }

    fn probe<P: Pci + Send + Sync + 'static>(pci: P) -> Result<Self, Error>
    where
        P::Bar: Send + Sync,
    {
        let driver = nova_driver::Gpu::probe(pci).context("probing the GPU")?;
        let info = driver.info();
        Ok(Self {
            identity: GpuIdentity {
                chipset: info.chipset.id().into(),
                boot_0: info.boot_0,
                boot_42: info.boot_42,
                vram_size: info.vram_size,
                vram_bar_size: info.vram_bar_size,
                chip_name: info.chipset.to_string(),
            },
            description: info.to_string(),
            _driver: Box::new(driver),
        })
    }

    /// What tenants are told about it.
    pub fn identity(&self) -> &GpuIdentity {
        &self.identity
    }

    /// One line for people: chip, revision, memory.
    pub fn description(&self) -> &str {
        &self.description
    }
}
