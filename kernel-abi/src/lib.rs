// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What Rust code may assume of a kernel, and the ABI that both halves of vhost-nova speak.
//!
//! The crate has two homes. In the *kernel* home it is a layer over a stock kernel's C interfaces
//! (bindgen and one-line C helpers); in the *hosted* home it is a real implementation in a
//! process. The seam is [`sys`]; nowhere else does code ask which home it is in. Names and
//! contracts follow Linux's `rust/kernel`.
#![no_std]

pub mod uapi;
pub mod virtio_nova;
