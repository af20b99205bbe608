// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The kernel home: DRM core of a stock kernel.

pub mod device;
pub mod event;
pub mod fence;
pub mod file;
pub mod gem;
pub mod ioctl;
pub mod syncobj;

/// What appears at the crate's top in this home only: nothing.
pub mod exports {}
