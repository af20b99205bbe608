// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The kernel home: the seam's functions over a stock kernel's C interfaces.

pub mod alloc;
pub mod bindings;
pub mod cred;
pub mod device;
pub mod fs;
mod kuid;
pub mod mm;
pub mod module;
pub mod module_param;
pub mod page;
pub mod panic;
pub mod pid_namespace;
pub(crate) mod print;
pub mod security;
pub mod sync;
pub mod task;
pub mod time;
pub mod uaccess;
pub mod virtio;
pub mod workqueue;

/// What each home has in its own way, or this one alone.
pub mod exports {
    pub use super::{
        bindings, cred, fs, mm, module, module_param, page, panic, pid_namespace, security, task,
        uaccess, virtio, workqueue,
    };
}
