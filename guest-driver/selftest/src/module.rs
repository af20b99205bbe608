// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `kernel_abi_selftest.ko`: its load runs the suite.

use crate::controls::{self, Control};
use kernel_abi::{
    error::Result,
    module::{Module, ThisModule},
};

/// Nothing: all is done when the module has been loaded.
pub(crate) struct SelfTest;

impl Module for SelfTest {
    /// Does not fail when a test does: the verdict is in the log.
    fn init(_module: &'static ThisModule) -> Result<Self> {
        match crate::module_parameters::control.value() {
            Control::None => {
                crate::run();
            }
            control => controls::run(control)?,
        }
        Ok(Self)
    }
}
