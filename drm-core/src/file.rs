// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A driver's part of an open file.
//!
//! C header: `include/drm/drm_file.h`.

use crate::{driver::Driver, Device};
use core::pin::Pin;
use kernel_abi::{alloc::KBox, error::Result};

pub use crate::sys::file::File;

/// What a driver keeps for an open file; dropped when the file is closed for good, after its handles.
pub trait DriverFile: Send + Sync + Sized + 'static {
    /// The driver.
    type Driver: Driver<File = Self>;

    /// A file of `device` is opened (`drm_driver.open`). May sleep; an error ends open(2).
    fn open(device: &Device<Self::Driver>) -> Result<Pin<KBox<Self>>>;
}
