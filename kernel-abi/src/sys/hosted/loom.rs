// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Loom's atomics, locks and waits under the names of the hosted home's, for the models in `tests/loom.rs`. What is
//! built on these names is the code that a process runs.

pub mod atomic;
pub(super) mod primitives;
