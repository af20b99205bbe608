// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Devices, and whether they are bound to a driver.
//!
//! Follows `rust/kernel/device.rs` and `devres.rs` of Linux. A device's type says in which [`DeviceContext`] it is
//! used: [`Bound`] is a promise that it stays bound to its driver for as long as the reference lives, and what
//! only makes sense then asks for it.
//!
//! C headers: `include/linux/device.h`, `include/linux/device/devres.h`.
#![allow(unsafe_code)] // a bus's device is found around the one that it embeds

use crate::{
    alloc::{Flags, KBox},
    error::{Error, Result},
};
use core::ptr;
use pinned_init::PinInit;

pub use crate::sys::device::{Device, RootDevice};

mod private {
    pub trait Sealed {}

    impl Sealed for super::Normal {}
    impl Sealed for super::Bound {}
}

/// In which state a device is used; [`Normal`] or [`Bound`].
pub trait DeviceContext: private::Sealed + Send + Sync + 'static {}

/// Nothing is said about the device but that it exists. The only context in which it is reference-counted.
pub struct Normal;

/// The device is bound to a driver as long as the reference lives.
pub struct Bound;

impl DeviceContext for Normal {}
impl DeviceContext for Bound {}

/// A bus's device that embeds a [`Device`], such as `virtio::Device`.
///
/// For buses and for what hangs below a device of any bus; a driver has no use for it.
///
/// # Safety
///
/// `OFFSET` is where the embedded device starts in `Self`, and [`AsRef`] gives that device.
pub unsafe trait AsBusDevice<Ctx: DeviceContext>: AsRef<Device<Ctx>> + Sized {
    /// Bytes from the start of `Self` to the embedded device.
    const OFFSET: usize;

    /// The bus's device around `device`.
    ///
    /// # Safety
    ///
    /// `device` is embedded in a `Self`.
    unsafe fn from_device(device: &Device<Ctx>) -> &Self {
        // SAFETY: by this function's contract and that of the trait.
        unsafe { &*ptr::from_ref(device).wrapping_byte_sub(Self::OFFSET).cast() }
    }
}

impl<Ctx: DeviceContext> AsRef<Device<Ctx>> for Device<Ctx> {
    fn as_ref(&self) -> &Device<Ctx> {
        self
    }
}

// SAFETY: a device embeds itself, at its start.
unsafe impl<Ctx: DeviceContext> AsBusDevice<Ctx> for Device<Ctx> {
    const OFFSET: usize = 0;
}

/// Gives a value to a device, which drops it when it is unbound from its driver
/// (`devm_add_action_or_reset()`); of several values the last comes first.
///
/// Sleeps as far as `flags` allow. `ENOMEM` without memory, and the error of `data`; nothing is left then.
///
/// ```
/// use kernel_abi::{alloc::flags::GFP_KERNEL, device::{self, RootDevice}, error::Error};
///
/// struct Loud;
/// impl Drop for Loud {
///     fn drop(&mut self) {
///         // The device goes away.
///     }
/// }
///
/// let device = RootDevice::new(c"example")?;
/// device::register::<Loud, Error>(&device, Ok(Loud), GFP_KERNEL)?;
/// drop(device); // unbinds it: `Loud` is dropped here
/// # Ok::<(), Error>(())
/// ```
pub fn register<T: Send + 'static, E>(
    device: &Device<Bound>,
    data: impl PinInit<T, E>,
    flags: Flags,
) -> Result
where
    Error: From<E>,
{
    let data = KBox::pin_init(data, flags)?;
    // SAFETY: the box goes to `drop_box`, in place.
    let data = KBox::into_raw(unsafe { core::pin::Pin::into_inner_unchecked(data) });
    // SAFETY: `drop_box::<T>` takes what `KBox::into_raw` gave, once. `T` may be dropped by any thread.
    unsafe { device.add_action_or_reset(drop_box::<T>, data.cast()) }
}

/// # Safety
///
/// `data` came from [`KBox::into_raw`] of a `KBox<T>` and is not used again.
unsafe extern "C" fn drop_box<T>(data: *mut core::ffi::c_void) {
    // SAFETY: by this function's contract.
    drop(unsafe { KBox::<T>::from_raw(data.cast()) });
}

#[cfg(all(test, home = "hosted"))]
#[path = "device_tests.rs"]
mod tests;
