// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The seam between the two homes. The build chooses one (a cfg from build.rs or from the module's
//! build); nowhere else is the question asked.
//!
//! Both have `alloc` (memory), `sync` (lock backends), `print`, `task`, `cred` and `security`; the kernel home has what only a
//! kernel has.
#![allow(unsafe_code)] // this is where C and raw memory are

#[cfg(home = "hosted")]
mod hosted;
#[cfg(home = "hosted")]
pub use hosted::*;

#[cfg(home = "kernel")]
mod kernel;
#[cfg(home = "kernel")]
pub use kernel::*;
