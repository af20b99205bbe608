// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A check and what comes of it.

use std::fmt;

use nova_pci::{Pci, PciError};
use nova_spec::pci::{command, header};

/// What a check is not content with.
#[derive(Debug)]
pub struct Failure {
    /// The check's name.
    pub check: &'static str,
    /// What it found.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.found)
    }
}

pub(crate) type Outcome = Result<(), String>;

/// One check of a transport.
pub struct Check<P> {
    name: &'static str,
    run: fn(&P) -> Outcome,
}

impl<P: Pci> Check<P> {
    pub(crate) fn new(name: &'static str, run: fn(&P) -> Outcome) -> Self {
        Self { name, run }
    }

    /// What it demands.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Resets the device, runs the check, and resets the device again.
    ///
    /// # Errors
    /// What was found.
    pub fn run(&self, pci: &P) -> Result<(), Failure> {
        let reset = || pci.reset().map_err(say("reset"));
        let result = reset()
            .and_then(|()| (self.run)(pci))
            .and_then(|()| reset());
        result.map_err(|found| Failure {
            check: self.name,
            found,
        })
    }
}

/// Fails with a text unless it holds.
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}
pub(crate) use ensure;

/// Names the step of a failed access.
pub(crate) fn say<E: fmt::Debug>(step: impl fmt::Display) -> impl FnOnce(E) -> String {
    move |error| format!("{step}: {error:?}")
}

/// Lets the device answer in its BARs.
pub(crate) fn enable_memory<P: Pci>(pci: &P) -> Outcome {
    pci.config_write(header::COMMAND, &command::MEMORY.to_le_bytes())
        .map_err(say("set the command register"))
}

/// An access that must be outside of the space.
pub(crate) fn outside<T: fmt::Debug>(what: &str, result: Result<T, PciError>) -> Outcome {
    match result {
        Err(PciError::OutOfRange { .. }) => Ok(()),
        other => Err(format!("{what}: {other:?} and not out of range")),
    }
}

/// An access that must be refused as misaligned.
pub(crate) fn misaligned<T: fmt::Debug>(what: &str, result: Result<T, PciError>) -> Outcome {
    match result {
        Err(PciError::Misaligned { .. }) => Ok(()),
        other => Err(format!("{what}: {other:?} and not misaligned")),
    }
}
