// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What Rust code may assume of a kernel, and the ABI that both halves of vhost-nova speak.
//!
//! The crate has two homes. In the *kernel* home it is a layer over a stock kernel's C interfaces
//! (bindgen and one-line C helpers); in the *hosted* home it is a real implementation in a
//! process. The seam is [`sys`]; nowhere else does code ask which home it is in. Names and
//! contracts follow Linux's `rust/kernel`.
//!
//! | module | holds | home |
//! |---|---|---|
//! | [`error`] | errnos and results | both |
//! | [`device`] | devices, bound or not, and what they drop when unbound | both |
//! | [`print`] | lines in the log | both |
//! | [`transmute`] | types that are bytes | both |
//! | [`alloc`] | fallible boxes and vectors of three allocators | both |
//! | [`types`] | opaque C values, counted references, owners that C keeps | both |
//! | [`sync`] | locks, waiting, `Arc`, atomics, RCU | both |
//! | [`time`] | jiffies | both |
//! | [`uapi`] | the DRM ioctls | both |
//! | [`virtio_nova`] | the wire format of the device | both |
//! | [`task`], [`cred`], [`security`] | who is calling, what they may do, their security context | both, with a part in the kernel only |
//! | `bindings`, `fs`, `mm`, `module`, `module_param`, `page`, `panic`, `pid_namespace`, `uaccess`, `virtio`, `workqueue` | what only a kernel has | kernel |
#![no_std]

pub mod alloc;
pub mod device;
pub mod error;
pub mod print;
pub mod sync;
pub mod sys;
pub mod time;
pub mod transmute;
pub mod types;
pub mod uapi;
pub mod virtio_nova;

pub use kernel_abi_macros::{module, vtable};

pub use sys::exports::*;
