// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A device's contexts: what its type says about its life.
//!
//! A [`Device`] begins as an [`UnregisteredDevice`], which only its maker has. A [`Registration`](crate::Registration)
//! makes it visible, until that is dropped. Files may be open longer, so that a device in an ioctl may be
//! unplugged at any moment: who needs it registered asks for a [`RegistrationGuard`] and has it so for as long.
//!
//! | type | promises | has |
//! |---|---|---|
//! | [`Device<T>`](Device), which is `Device<T, Normal>` | it exists | [`Driver::Data`](crate::Driver::Data), reference counts |
//! | `Device<T, Ioctl>` | it was registered | [`Device::registration_guard`] |
//! | `Device<T, Registered>` | it is registered, its parent bound | [`Device::registration_data_with`], the bound parent |
//!
//! C headers: `include/drm/drm_device.h`, `include/drm/drm_drv.h`.

pub use crate::sys::device::{Device, RegistrationGuard, UnregisteredDevice};

mod private {
    pub trait Sealed {}

    impl Sealed for super::Normal {}
    impl Sealed for super::Ioctl {}
    impl Sealed for super::Registered {}
}

/// In which context a device is used: [`Normal`], [`Ioctl`] or [`Registered`].
pub trait DeviceContext: private::Sealed + Send + Sync + 'static {}

/// The device exists; nothing is said about whether it is registered. The only context in which it is
/// reference-counted.
pub struct Normal;

/// The device was registered at some time: what a handler of an ioctl has. It may be unplugged meanwhile.
pub struct Ioctl;

/// The device is registered and its parent bound to its driver, for as long as the reference lives.
pub struct Registered;

impl DeviceContext for Normal {}
impl DeviceContext for Ioctl {}
impl DeviceContext for Registered {}
