// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A boot and an unload that may fail.
#![allow(dead_code)] // each test uses a part

use std::time::Duration;

use nova_driver::{BootOptions, Cause, FirmwareSource, Gpu, Step, Timeouts};
use nova_pci::Pci;

/// Short, for what never comes. A wait that ends too early is one more fault.
pub fn impatient() -> BootOptions {
    let mut options = BootOptions::default();
    options.timeouts = Timeouts::default().at_most(Duration::from_millis(50));
    options
}

/// What failed: an error and those that it comes from, and what a boot or an unload says of it.
#[derive(Debug)]
pub struct Failure {
    pub text: String,
    pub step: Option<Step>,
    pub cause: Option<Cause>,
}

impl Failure {
    fn new(error: &dyn std::error::Error) -> Box<Self> {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        Box::new(Self {
            text,
            step: None,
            cause: None,
        })
    }

    fn of(mut self: Box<Self>, step: Step, cause: Cause) -> Box<Self> {
        self.step = Some(step);
        self.cause = Some(cause);
        self
    }
}

/// Probes, boots and unloads.
pub fn attempt<P: Pci>(
    pci: P,
    firmware: &dyn FirmwareSource,
    options: &BootOptions,
) -> Result<(), Box<Failure>> {
    let gpu = Gpu::probe(pci).map_err(|error| Failure::new(&error))?;
    let booted = gpu.boot(firmware, options);
    let booted = booted.map_err(|error| Failure::new(&error).of(error.step, error.cause))?;
    let unloaded = booted.unload();
    unloaded.map_err(|error| Failure::new(&error).of(error.step, error.cause))?;
    Ok(())
}
