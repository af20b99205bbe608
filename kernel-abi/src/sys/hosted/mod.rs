// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The hosted home: the seam's functions in a process.

extern crate std;

pub mod alloc;
pub(crate) mod print;
pub mod sync;

/// What appears at the crate's top in this home only: nothing yet.
pub mod exports {}
