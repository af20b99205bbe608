// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Virtqueues, from the device's side (`docs/virtio-nova.md`, sections 2, 6.1 and 7).
//!
//! Everything in a ring is what a guest wrote there, and may change while it is read. The rules:
//! an index, an address or a length is read once and then checked; a chain is walked at most
//! [`chain::MAX_DESCRIPTORS`] descriptors far; a ring whose own structure makes no sense is
//! *broken* and left alone until the driver sets it up anew; nothing ends the worker.

pub mod chain;
mod control;
mod event;
mod ring;
mod vring;

pub use control::Control;
pub use event::Events;
pub use ring::{Broken, Ring};
pub use vring::{StateGuard, Vring};
