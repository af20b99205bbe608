// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What the card tells of its own accord: interrupts, GSP's messages, errors of channels.
//!
//! | module | holds |
//! |---|---|
//! | `tree` | the interrupt tree, as far as the driver uses it |
//! | `service` | the thread that takes care of interrupts |
//! | `signal` | who waits for an engine, and is woken |
//! | `channels` | every channel of the card: attributing errors, and ending fences with them |
//! | `fault` | why a channel has ended |

mod channels;
mod fault;
mod service;
mod signal;
mod tree;

pub(crate) use channels::{ChannelState, Channels, OwnerEvents};
pub use fault::{ChannelFault, FaultReason};
pub(crate) use service::{Service, Worker};
pub(crate) use signal::Signal;
pub(crate) use tree::Tree;
