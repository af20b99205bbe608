// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The GPU that the daemon shares.
//!
//! The daemon knows the driver only. Which PCI device the driver runs on is decided in
//! [`GpuName::with_pci`] and nowhere else.

mod name;

use std::any::Any;

use nova_pci::Pci;

pub use self::name::{GpuName, OnPci};
use crate::device::GpuIdentity;
use crate::error::{Context, Error};

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
        name.with_pci(TakeOver)
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

/// Identifies a GPU and keeps it.
struct TakeOver;

impl OnPci for TakeOver {
    type Output = Gpu;

    fn run<P: Pci + 'static>(self, pci: P) -> Result<Gpu, Error> {
        let driver = nova_driver::Gpu::probe(pci).context("probing the GPU")?;
        let info = driver.info();
        Ok(Gpu {
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
}
