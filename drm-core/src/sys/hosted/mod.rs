// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The hosted home: a DRM core of our own, in a process.

extern crate std;

pub mod device;
pub mod event;
pub mod fence;
pub mod file;
pub mod gem;
mod handles;
pub mod ioctl;
pub mod syncobj;

#[cfg(test)]
mod tests;

/// What appears at the crate's top in this home only.
pub mod exports {
    pub use super::file::Minor;
}
