// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The seam between the two homes. The build chooses one (a cfg from build.rs or from the module's
//! build); nowhere else is the question asked.
//!
//! Both have `alloc` (memory), `sync` (locks, waiting, counts), `time`, `print`, `task`, `cred` and `security`; the kernel home has
//! what only a kernel has. `atomic` is the same in both, except under loom, which models the hosted one.
#![allow(unsafe_code)] // this is where C and raw memory are

#[cfg(home = "hosted")]
mod hosted;
#[cfg(home = "hosted")]
pub use hosted::*;

#[cfg(home = "kernel")]
mod kernel;
#[cfg(home = "kernel")]
pub use kernel::*;

#[cfg(not(loom))]
pub mod atomic;

/// A function that is `const`, but under loom, whose atomics cannot be made at compile time.
#[doc(hidden)]
#[macro_export]
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $vis:vis const fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$meta])*
        $vis const fn $($rest)*
        #[cfg(loom)]
        $(#[$meta])*
        $vis fn $($rest)*
    };
}
