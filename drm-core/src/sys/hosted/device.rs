// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Devices.

use super::gem::AllocImpl;
use crate::driver::Driver;
use core::{
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{fence, AtomicBool, AtomicUsize, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::{Error, Result},
    new_mutex,
    sync::Mutex,
    types::{ARef, AlwaysRefCounted},
};
use pinned_init::{pin_data, try_pin_init, PinInit};

/// A DRM device with the driver's data behind it.
///
/// # Invariants
///
/// Lives in a [`KBox`] that the last of `references` frees.
#[pin_data]
pub struct Device<T: Driver> {
    references: AtomicUsize,
    unplugged: AtomicBool,
    /// Memory of objects that are gone, for new ones.
    #[pin]
    pub(super) pool: Mutex<<T::Object as AllocImpl>::Pool>,
    #[pin]
    data: T::Data,
}

impl<T: Driver> Device<T> {
    /// Allocates a device.
    pub fn new(data: impl PinInit<T::Data, Error>) -> Result<ARef<Self>> {
        let boxed = KBox::pin_init(
            try_pin_init!(Self {
                references: AtomicUsize::new(1),
                unplugged: AtomicBool::new(false),
                pool <- new_mutex!(Default::default(), "Device::pool"),
                data <- data,
            }? Error),
            GFP_KERNEL,
        )?;
        // SAFETY: the value stays where it is: an `ARef` gives out shared references only.
        let boxed = unsafe { core::pin::Pin::into_inner_unchecked(boxed) };
        // SAFETY: a box is never null, and its first reference is taken over.
        Ok(unsafe { ARef::from_raw(NonNull::new_unchecked(KBox::into_raw(boxed))) })
    }

    /// True once its [`Registration`] is gone.
    pub fn is_unplugged(&self) -> bool {
        self.unplugged.load(Ordering::Acquire)
    }
}

impl<T: Driver> Deref for Device<T> {
    type Target = T::Data;

    fn deref(&self) -> &T::Data {
        &self.data
    }
}

// SAFETY: the count is the number of `ARef`s, and the last one frees the box.
unsafe impl<T: Driver> AlwaysRefCounted for Device<T> {
    fn inc_ref(&self) {
        self.references.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller has a count, so that the device is live.
        if unsafe { this.as_ref() }
            .references
            .fetch_sub(1, Ordering::Release)
            == 1
        {
            fence(Ordering::Acquire);
            // SAFETY: that was the last count.
            drop(unsafe { KBox::from_raw(this.as_ptr()) });
        }
    }
}

/// A registered device: files can be opened until this is dropped. Files may stay open longer;
/// their ioctls then end in `ENODEV`.
pub struct Registration<T: Driver>(ARef<Device<T>>);

impl<T: Driver> Registration<T> {
    /// Makes the device usable.
    pub fn new(device: ARef<Device<T>>) -> Result<Self> {
        Ok(Self(device))
    }

    /// The device.
    pub fn device(&self) -> &Device<T> {
        &self.0
    }
}

impl<T: Driver> Drop for Registration<T> {
    fn drop(&mut self) {
        self.0.unplugged.store(true, Ordering::Release);
    }
}
