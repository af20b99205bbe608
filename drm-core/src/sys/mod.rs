// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The seam between the two homes, chosen by the build.
#![allow(unsafe_code)] // this is where C and raw memory are

#[cfg(home = "hosted")]
mod hosted;
#[cfg(home = "hosted")]
pub use hosted::*;

#[cfg(home = "kernel")]
mod kernel;
#[cfg(home = "kernel")]
pub use kernel::*;
