// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A GPU that does work for its owners: what [`Booted::open`](crate::Booted::open) gives.
//!
//! A [`Device`] has [`OwnerHandle`]s, an owner has address spaces ([`Space`]) and channels in
//! them. Everything is freed by being dropped, what is used after what uses it. Closing the device
//! ends whatever its owners still have.
//!
//! | module | holds |
//! |---|---|
//! | `open` | from a booted GPU to a device, and back |
//! | `shared` | what all parts of a device have in common |
//! | `owner` | owners |
//! | `space` | address spaces, as RM knows them |
//! | `budget` | what owners may have in sum |
//! | `scrub` | the daemon's own channel |
//! | `error` | why something could not be made |

mod budget;
mod error;
mod open;
mod owner;
mod scrub;
mod shared;
mod space;

pub use error::{OpenError, WorkError};
pub use open::Device;
pub use owner::OwnerHandle;
pub(crate) use owner::OwnerParts;
pub(crate) use shared::{Shared, CHANNEL_CLASS, COPY_CLASS};
pub use space::Space;
