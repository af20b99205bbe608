// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the tests need beside `kernel-abi`: threads and time, in each home.
//!
//! | function | does |
//! |---|---|
//! | `spawn` | runs a closure in a thread of its own; `join` waits for its result |
//! | `drm::OpenFile` | an open file of a DRM device, as a program has it |
//! | `sleep_ms` | sleeps at least so many milliseconds |
#![allow(unsafe_code)] // threads and time of C

#[cfg(home = "hosted")]
mod hosted;
#[cfg(home = "hosted")]
pub(crate) use hosted::*;

#[cfg(home = "kernel")]
mod kernel;
#[cfg(home = "kernel")]
pub(crate) use kernel::*;
