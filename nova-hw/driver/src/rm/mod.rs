// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! RM's objects as calls with types.
//!
//! GSP trusts every call, so that no handle, class or control comes from outside this crate. A
//! client for each owner is book-keeping: freeing it frees all that the owner had.
//!
//! | module | holds |
//! |---|---|
//! | `shared` | GSP-RM, as all owners share it: one call at a time, in turn |
//! | `client` | an owner's client, device and subdevice |
//! | `object` | an object that is freed when it is dropped |
//! | `handle` | which handles the driver chooses |
//! | `engine` | copy engines, their runlists and vectors |
//! | `error` | how a call can fail |

mod client;
mod engine;
mod error;
pub(crate) mod handle;
mod object;
mod shared;

pub(crate) use client::Client;
pub(crate) use engine::CopyEngine;
pub(crate) use engine::Engines;
pub use error::{RmCall, RmError};
pub(crate) use object::Object;
pub(crate) use shared::SharedRm;

#[cfg(test)]
mod tests;
