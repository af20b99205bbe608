// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The DRM layer: devices, open files, GEM objects and ioctls, as Linux's `rust/kernel/drm` shapes them.
//!
//! One set of traits, two homes: in the *kernel* home the types stand on DRM core of a stock
//! kernel; in the *hosted* home on one of our own, which the daemon runs for each tenant. The seam
//! is [`sys`].
//!
//! | module | holds |
//! |---|---|
//! | [`driver`] | what a driver is |
//! | [`file`](mod@file) | a driver's part of an open file |
//! | [`gem`] | objects and handles |
//! | [`ioctl`] | the ioctl table, checked at compile time |
#![no_std]

pub mod driver;
pub mod file;
pub mod gem;
pub mod ioctl;
pub mod sys;

pub use driver::{Driver, DriverInfo};
pub use file::DriverFile;
pub use sys::{
    device::{Device, Registration},
    file::File,
};

#[doc(hidden)]
pub use kernel_abi as __kernel_abi;
