// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Events: what a driver tells a file, and a program reads from it.
//!
//! Room is reserved first, where an error can still be returned; sending cannot fail. A program polls its file for
//! `POLLIN` and reads whole events, each with a header of its type and its length in bytes, header included.
//!
//! C headers: `include/drm/drm_file.h`, `include/uapi/drm/drm.h` (`struct drm_event`).

pub use crate::sys::event::PendingEvent;

/// Bytes of events that a file can have, pending and not yet read (`drm_file.event_space`).
pub const SPACE: usize = 4096;

/// Bytes of the header: `type` and `length`, 32 bits each, in the machine's byte order.
pub const HEADER: usize = 8;

/// First type that is a driver's; those below are DRM core's.
pub const DRIVER_TYPES: u32 = 0x8000_0000;

/// What a driver tells a file.
///
/// ```
/// # #[allow(unused_imports)]
/// # use drm_core::{doctest::*, event::{Event, PendingEvent}, File};
/// # use kernel_abi::error::Result;
/// struct Tick(u64);
///
/// impl Event for Tick {
///     const TYPE: u32 = 0x8000_0001;
///     type Bytes = [u8; 8];
///
///     fn to_bytes(&self) -> [u8; 8] {
///         self.0.to_ne_bytes()
///     }
/// }
///
/// fn tick(file: &File<ToyFile>) -> Result {
///     PendingEvent::reserve(file, &Tick(7))?.send();
///     Ok(())
/// }
///
#[cfg_attr(
    home = "hosted",
    doc = "# with_toy(|device| {
let file = File::<ToyFile>::open(device)?;
tick(&file)?;
let mut bytes = [0; 64];
assert_eq!(file.read(&mut bytes, true)?, 16);
assert_eq!(bytes[8..16], 7u64.to_ne_bytes());
# Ok(())
# });"
)]
/// ```
pub trait Event {
    /// `drm_event.type`, from [`DRIVER_TYPES`] on.
    const TYPE: u32;

    /// Bytes behind the header, such as an array. Readers take a length that is a multiple of 8.
    type Bytes: AsRef<[u8]>;

    /// What follows the header.
    fn to_bytes(&self) -> Self::Bytes;
}
