// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The kernel home: the seam's functions over a stock kernel's C interfaces.

pub mod alloc;
pub mod bindings;
pub mod completion;
pub mod module;
pub mod module_param;
pub mod panic;
pub(crate) mod print;
pub mod sync;
pub mod task;
pub mod virtio;
pub mod workqueue;

/// What appears at the crate's top in this home only.
pub mod exports {
    pub use super::{bindings, completion, module, module_param, panic, task, virtio, workqueue};
}
