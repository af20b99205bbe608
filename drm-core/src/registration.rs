// SPDX-License-Identifier: GPL-2.0 OR MIT
//! From an unregistered device to one that programs can open, and back.
//!
//! C header: `include/drm/drm_drv.h`.
#![allow(unsafe_code)] // the registration's data has a lifetime of its own behind a pointer

use crate::{
    device::{Device, Ioctl, Registered},
    driver::Driver,
};
use core::{ops::Deref, pin::Pin, ptr::NonNull};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    device::{self, Bound},
    error::{code::EINVAL, Error, Result},
    types::{ARef, NotThreadSafe},
};
use pinned_init::PinInit;

/// A device that was not registered yet. Only its maker has it: it is made ready here, on one thread.
///
/// # Invariants
///
/// Nobody registers the device but by giving this away.
///
/// ```
/// # use drm_core::{doctest::*, UnregisteredDevice};
/// # use kernel_abi::{device::RootDevice, error::Error};
/// let parent = RootDevice::new(c"parent")?;
/// let device = UnregisteredDevice::<Toy>::new(&parent, Ok(7))?;
/// assert_eq!(**device, 7); // `Driver::Data`
/// # Ok::<(), Error>(())
/// ```
pub struct UnregisteredDevice<T: Driver>(ARef<Device<T>>, NotThreadSafe);

impl<T: Driver> UnregisteredDevice<T> {
    /// Allocates a device below `parent` (`drm_dev_alloc()`), with the driver's data.
    ///
    /// Sleeps. `ENOMEM` without memory, and the error of `data`.
    pub fn new(
        parent: &T::ParentDevice<Bound>,
        data: impl PinInit<T::Data, Error>,
    ) -> Result<Self> {
        // INVARIANT: just made.
        Ok(Self(Device::allocate(parent, data)?, NotThreadSafe))
    }
}

impl<T: Driver> Deref for UnregisteredDevice<T> {
    type Target = Device<T>;

    fn deref(&self) -> &Device<T> {
        &self.0
    }
}

impl<T: Driver> Device<T> {
    /// As [`UnregisteredDevice::new`].
    #[allow(clippy::new_ret_no_self)] // a device that is not registered has a type of its own
    pub fn new(
        parent: &T::ParentDevice<Bound>,
        data: impl PinInit<T::Data, Error>,
    ) -> Result<UnregisteredDevice<T>> {
        UnregisteredDevice::new(parent, data)
    }
}

/// A registered device: files can be opened until this is dropped (`drm_dev_register()`, `drm_dev_unplug()`).
///
/// Files may stay open longer; their ioctls then end in `ENODEV`. Dropping waits for those that hold a
/// [`RegistrationGuard`], and sleeps.
///
/// # Invariants
///
/// `device` is registered, and its registration data is `data`.
///
/// ```
/// # use drm_core::{doctest::*, Registration, UnregisteredDevice};
/// # use kernel_abi::{device::RootDevice, error::Error};
/// let parent = RootDevice::new(c"parent")?;
/// let device = UnregisteredDevice::<Toy>::new(&parent, Ok(7))?;
/// // From here on programs can open it, and the parent takes it down when it is unbound.
/// let device = Registration::new_foreign_owned::<Error>(device, &parent, Ok(()), 0)?;
/// assert_eq!(**device, 7);
/// # Ok::<(), Error>(())
/// ```
pub struct Registration<'a, T: Driver> {
    device: ARef<Device<T>>,
    /// Dropped after the device was unplugged.
    _data: Pin<KBox<T::RegistrationData<'a>>>,
}

// SAFETY: the data is `Send`, and a device may be unregistered by any thread.
unsafe impl<T: Driver> Send for Registration<'_, T> {}
// SAFETY: a shared reference gives the device alone.
unsafe impl<T: Driver> Sync for Registration<'_, T> {}

impl<'a, T: Driver> Registration<'a, T> {
    /// Makes the device visible. Files may be opened before this returns.
    ///
    /// Sleeps. `EINVAL` when `parent` is not the device's parent, `ENOMEM` without memory, and the error of `data`.
    /// `flags` are for the driver's own `load` hook, of which there is none: 0.
    ///
    /// # Safety
    ///
    /// The registration is dropped before `'a` ends: it must not be forgotten. `parent` is bound until then.
    pub unsafe fn new<E>(
        parent: &'a T::ParentDevice<Bound>,
        device: UnregisteredDevice<T>,
        data: impl PinInit<T::RegistrationData<'a>, E>,
        flags: usize,
    ) -> Result<Self>
    where
        Error: From<E>,
    {
        // SAFETY: by this function's contract.
        unsafe { Self::make(parent, device, data, flags) }
    }

    /// # Safety
    ///
    /// The registration is dropped before `'a` ends and before `parent` is unbound.
    unsafe fn make<E>(
        parent: &T::ParentDevice<Bound>,
        device: UnregisteredDevice<T>,
        data: impl PinInit<T::RegistrationData<'a>, E>,
        flags: usize,
    ) -> Result<Self>
    where
        Error: From<E>,
    {
        let UnregisteredDevice(device, _) = device;
        if !device.parent().is_same(parent.as_ref()) {
            return Err(EINVAL);
        }
        let data: Pin<KBox<T::RegistrationData<'a>>> = KBox::pin_init(data, GFP_KERNEL)?;
        let pointer = NonNull::from(&*data).cast::<T::RegistrationData<'static>>();
        // SAFETY: the device was not registered, and is so once. The data outlives the registration; its lifetime is
        // only ever given out shortened, to closures that take any.
        unsafe { device.register(pointer, flags)? };
        // INVARIANT: just registered.
        Ok(Self {
            device,
            _data: data,
        })
    }

    /// The device.
    pub fn device(&self) -> &Device<T> {
        &self.device
    }
}

impl<T: Driver> Registration<'static, T> {
    /// Makes the device visible, and gives the registration to `parent`: it is dropped when that is unbound
    /// (`devm_add_action_or_reset()`).
    ///
    /// Sleeps. `EINVAL` when `parent` is not the device's parent, `ENOMEM` without memory, and the error of `data`.
    /// On an error nothing is registered any more. `flags`: 0, as in [`Registration::new`].
    pub fn new_foreign_owned<E>(
        device: UnregisteredDevice<T>,
        parent: &T::ParentDevice<Bound>,
        data: impl PinInit<T::RegistrationData<'static>, E>,
        flags: usize,
    ) -> Result<&Device<T>>
    where
        Error: From<E>,
    {
        let raw = NonNull::from(&*device.0);
        // SAFETY: what the data borrows lives for ever, and the parent drops the registration before it is no longer
        // bound.
        let registration: Self = unsafe { Registration::make(parent, device, data, flags)? };
        device::register::<Self, Error>(parent.as_ref(), Ok(registration), GFP_KERNEL)?;
        // SAFETY: the registration has a reference, and lives as long as `parent` is bound.
        Ok(unsafe { raw.as_ref() })
    }
}

impl<T: Driver> Drop for Registration<'_, T> {
    fn drop(&mut self) {
        // SAFETY: registered by the type invariant, and unplugged once.
        unsafe { self.device.unplug() };
    }
}

/// Shows that a device is registered, and that its parent is bound, and keeps it so (`drm_dev_enter()`).
///
/// Whoever unplugs the device waits for this to be dropped, so it is held for a short time. It stays in its thread.
///
/// # Invariants
///
/// Made by a successful `enter()` that gave `index`.
pub struct RegistrationGuard<'a, T: Driver> {
    device: &'a Device<T, Registered>,
    index: i32,
    _thread: NotThreadSafe,
}

impl<T: Driver> Device<T, Ioctl> {
    /// Keeps the device registered for as long as the guard lives; None once it is unplugged. Any context; what is
    /// done under the guard may sleep.
    #[must_use]
    pub fn registration_guard(&self) -> Option<RegistrationGuard<'_, T>> {
        let index = self.enter()?;
        // INVARIANT: just entered.
        Some(RegistrationGuard {
            // SAFETY: `enter` succeeded: until `leave` nobody unplugs the device, which a registration does before its
            // parent is unbound.
            device: unsafe { self.assume_context() },
            index,
            _thread: NotThreadSafe,
        })
    }
}

impl<T: Driver> Deref for RegistrationGuard<'_, T> {
    type Target = Device<T, Registered>;

    fn deref(&self) -> &Self::Target {
        self.device
    }
}

impl<T: Driver> Drop for RegistrationGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant.
        unsafe { self.device.leave(self.index) };
    }
}

impl<T: Driver> Device<T, Registered> {
    /// Calls `call` with the registration's data. Any context, as far as `call` goes.
    pub fn registration_data_with<R>(
        &self,
        call: impl for<'a> FnOnce(&'a T::RegistrationData<'a>) -> R,
    ) -> R {
        // SAFETY: while it is registered the pointer is that of the registration's data. `call` takes any lifetime, so
        // that it can keep nothing and put nothing shorter in.
        call(unsafe { self.registration_data().cast().as_ref() })
    }
}
