// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Virtio drivers; upstream's `kernel` crate has none, so the shape is ours.
//!
//! C headers: `include/linux/virtio.h`, `include/linux/virtio_config.h`.

mod device;
mod driver;
mod queue;
mod request;

pub use device::{Device, RawQueue};
pub use driver::{DeviceId, Driver, IdTable, Registration};
pub use queue::Virtqueue;
pub use request::{Fifo, Request};
