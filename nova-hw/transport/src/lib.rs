// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The PCI seam over what is not in this process.
//!
//! [`VfioUser`] is a device behind a UNIX socket, and [`Server`] offers one there.
//! [`VfioPci`] is a physical one behind the kernel's VFIO. The third transport, a model in the
//! same process, is the model itself.
//!
//! A peer on a socket is hostile: sizes are checked before anything is allocated by them, answers
//! are checked against what was asked, and nothing is waited for without a time-out. The kernel
//! is not, but what it says is kept: an error names the cause and what to do about it.
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | [`vfio_user`] | the vfio-user protocol, both ends |
//! | [`vfio`] | the kernel's VFIO |
//! | [`sysfs`] | drivers, IOMMU groups, the console: what to do before a card can be had |
//! | `access` | the seam's rules for offsets |
//! | `config` | what a BAR is |
//! | `event` | eventfds |

mod access;
mod config;
mod event;
pub mod sysfs;
pub mod vfio;
pub mod vfio_user;

pub use vfio::VfioPci;
pub use vfio_user::{Server, VfioUser, VfioUserError};
