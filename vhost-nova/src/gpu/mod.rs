// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The GPU that the daemon shares.
//!
//! The daemon knows the driver only. Which PCI device the driver runs on is decided in
//! [`GpuName::with_pci`] and nowhere else.

mod firmware;
mod name;

use std::path::PathBuf;
use std::sync::Arc;

use nova_driver::{BootOptions, Booted, FirmwareSource};
use nova_pci::Pci;
use parking_lot::Mutex;

pub use self::name::{GpuName, OnPci};
use crate::device::GpuIdentity;
use crate::error::{Context, Error};
use crate::tenant::WorkSpec;
use crate::work::Share;

/// An opened GPU.
pub struct Gpu {
    identity: GpuIdentity,
    description: String,
    /// The card, until it is shut down. Dropping it shuts it down too.
    driver: Mutex<Option<Box<dyn Driver>>>,
}

/// A booted GPU, whatever it is reached through.
trait Driver: Send + Sync {
    /// Takes care of what GSP-RM has to say.
    fn handle_events(&mut self) -> Result<(), Error>;
    /// Shuts it down.
    fn unload(self: Box<Self>) -> Result<(), Error>;
}

impl<P: Pci + 'static> Driver for Booted<P> {
    fn handle_events(&mut self) -> Result<(), Error> {
        let handled = Booted::handle_events(self);
        handled.context("handling the GPU's events").map(drop)
    }

    fn unload(self: Box<Self>) -> Result<(), Error> {
        (*self).unload().context("shutting the GPU down").map(drop)
    }
}

impl Gpu {
    /// Takes the GPU over and boots it, with firmware from the folder where one is given.
    ///
    /// # Errors
    /// When the device can not be had, is not a GPU that the driver knows, or does not boot.
    pub fn open(name: &GpuName, firmware: Option<PathBuf>) -> Result<Self, Error> {
        let mut options = BootOptions::default();
        options.bdf = name.bdf();
        name.with_pci(TakeOver {
            firmware: name.firmware(firmware)?,
            options,
        })
    }

    /// Takes care of what the GPU's firmware has to say, without waiting for more.
    ///
    /// # Errors
    /// When a message is not in order; what follows it is not looked at.
    pub fn handle_events(&self) -> Result<(), Error> {
        let mut driver = self.driver.lock();
        driver
            .as_mut()
            .map_or(Ok(()), |driver| driver.handle_events())
    }

    /// Shuts the GPU down. Nobody may use it any more.
    ///
    /// # Errors
    /// When a step of it fails; the device is given back all the same.
    pub fn shut_down(&self) -> Result<(), Error> {
        let driver = self.driver.lock().take();
        driver.map_or(Ok(()), Driver::unload)
    }

    /// A share of it for a tenant that may map `max_entries` runs of its own memory; `None` when the
    /// GPU does no work.
    ///
    /// # Errors
    /// When the card has none left.
    pub fn share(
        &self,
        _tenant: &str,
        _spec: &WorkSpec,
        _max_entries: u32,
    ) -> Result<Option<Arc<dyn Share>>, Error> {
        Ok(None)
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

/// Boots a GPU and keeps it.
struct TakeOver {
    firmware: Box<dyn FirmwareSource>,
    options: BootOptions,
}

impl OnPci for TakeOver {
    type Output = Gpu;

    fn run<P: Pci + 'static>(self, pci: P) -> Result<Gpu, Error> {
        let driver = nova_driver::Gpu::probe(pci).context("probing the GPU")?;
        let driver = driver.boot(&*self.firmware, &self.options);
        let driver = driver.context("booting the GPU")?;
        let info = driver.info().gpu;
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
            driver: Mutex::new(Some(Box::new(driver))),
        })
    }
}
