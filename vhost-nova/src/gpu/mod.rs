// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The GPU that the daemon shares.
//!
//! The daemon knows the driver only. Which PCI device the driver runs on is decided in
//! [`GpuName::with_pci`] and nowhere else.

mod firmware;
mod name;
mod scrub;
mod share;

use std::path::PathBuf;
use std::sync::Arc;

use nova_driver::{BootOptions, Device, FirmwareSource};
use nova_pci::Pci;
use parking_lot::Mutex;

pub use self::name::{GpuName, OnPci};
use self::scrub::ScrubThread;
use self::share::GpuShare;
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

/// A GPU that does work, whatever it is reached through.
trait Driver: Send + Sync {
    /// Takes care of what GSP-RM has to say.
    fn handle_events(&self) -> Result<(), Error>;
    /// Bytes of VRAM for all tenants.
    fn usable_vram(&self) -> u64;
    /// A share for a tenant.
    fn share(
        &self,
        tenant: &str,
        spec: &WorkSpec,
        max_entries: u32,
    ) -> Result<Arc<dyn Share>, Error>;
    /// Shuts it down.
    fn unload(self: Box<Self>) -> Result<(), Error>;
}

/// A device, and the thread that erases what its tenants give back.
struct Working<P: Pci + 'static> {
    // The thread goes first: it uses the device.
    scrub: ScrubThread,
    device: Arc<Device<P>>,
}

impl<P: Pci + 'static> Working<P> {
    fn new(device: Device<P>) -> Result<Self, Error> {
        let device = Arc::new(device);
        let it = device.clone();
        let scrub = ScrubThread::start(move || {
            if let Err(error) = it.scrub() {
                tracing::error!(%error, "video memory could not be erased");
            }
        });
        let scrub = scrub.context("starting a thread")?;
        Ok(Self { scrub, device })
    }
}

impl<P: Pci + 'static> Driver for Working<P> {
    fn handle_events(&self) -> Result<(), Error> {
        if self.device.has_interrupts() {
            // A thread of the driver's does.
            return Ok(());
        }
        let handled = self.device.handle_events();
        handled.context("handling the GPU's events").map(drop)
    }

    fn usable_vram(&self) -> u64 {
        self.device.memory().vram().figures().total
    }

    fn share(
        &self,
        tenant: &str,
        spec: &WorkSpec,
        max_entries: u32,
    ) -> Result<Arc<dyn Share>, Error> {
        let scrub = self.scrub.handle();
        let share = GpuShare::new(&self.device, scrub, tenant, spec, max_entries);
        Ok(Arc::new(share.context("taking a share of the GPU")?))
    }

    fn unload(self: Box<Self>) -> Result<(), Error> {
        let Self { scrub, device } = *self;
        drop(scrub);
        // Nobody else keeps it: tenants ask for it in passing, and they are gone.
        let Some(device) = Arc::into_inner(device) else {
            let error = anyhow::anyhow!("a tenant still uses it");
            return Err(Error::runtime("shutting the GPU down", error));
        };
        let unloaded = device.close().unload();
        unloaded.context("shutting the GPU down").map(drop)
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
        let driver = self.driver.lock();
        driver
            .as_ref()
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

    /// A share of it for a tenant that may map `max_entries` runs of its own memory.
    ///
    /// # Errors
    /// When the card has none left, or was shut down.
    pub fn share(
        &self,
        tenant: &str,
        spec: &WorkSpec,
        max_entries: u32,
    ) -> Result<Arc<dyn Share>, Error> {
        let driver = self.driver.lock();
        let driver = driver.as_ref().ok_or_else(|| {
            let error = anyhow::anyhow!("it was shut down");
            Error::runtime("taking a share of the GPU", error)
        })?;
        driver.share(tenant, spec, max_entries)
    }

    /// Bytes of VRAM that there are for all tenants together.
    pub fn usable_vram(&self) -> u64 {
        let driver = self.driver.lock();
        driver.as_ref().map_or(0, |driver| driver.usable_vram())
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
        let driver = driver.open().context("opening the GPU for work")?;
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
            driver: Mutex::new(Some(Box::new(Working::new(driver)?))),
        })
    }
}
