// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The hosted home: a DRM core of our own, in a process.

pub mod device;
pub mod file;
pub mod gem;
mod handles;
pub mod ioctl;

#[cfg(test)]
mod tests;
