// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The hosted home: the seam's functions in a process.

extern crate std;

pub mod alloc;
pub mod cred;
pub mod device;
mod kuid;
pub(crate) mod print;
pub mod security;
pub mod sync;
pub mod task;
pub mod time;

#[cfg(loom)]
mod loom;
#[cfg(loom)]
pub use loom::atomic;
#[cfg(loom)]
use loom::primitives;
#[cfg(not(loom))]
mod primitives;

/// What each home has in its own way.
pub mod exports {
    pub use super::{cred, security, task};
}
