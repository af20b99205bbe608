// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `kernel_abi_selftest.ko`: its load runs the suite.

use crate::{
    controls::{self, Control},
    sys::poll_file::PollDevice,
};
use kernel_abi::{
    error::Result,
    module::{Module, ThisModule},
};

/// The tests are over when the module has been loaded; the file is for a program.
pub(crate) struct SelfTest {
    _polled: PollDevice,
}

impl Module for SelfTest {
    /// Does not fail when a test does: the verdict is in the log.
    fn init(module: &'static ThisModule) -> Result<Self> {
        match crate::module_parameters::control.value() {
            Control::None => {
                crate::run();
            }
            control => controls::run(control)?,
        }
        Ok(Self {
            _polled: PollDevice::register(module)?,
        })
    }
}
