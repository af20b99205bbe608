// SPDX-License-Identifier: GPL-2.0 OR MIT
//! DRM devices and their registration.
//!
//! C headers: `include/drm/drm_device.h`, `include/drm/drm_drv.h`.

use super::{file, gem};
use crate::driver::Driver;
use core::{
    mem::{offset_of, zeroed},
    ops::Deref,
    ptr::{self, NonNull},
};
use kernel_abi::{
    bindings,
    error::{code::ENOMEM, from_err_ptr, to_result, Error, Result},
    types::{ARef, AlwaysRefCounted, Opaque},
    virtio,
};
use pinned_init::PinInit;

/// A DRM device with the driver's data behind it.
///
/// # Invariants
///
/// `dev` is an initialised `struct drm_device`, and `data` is initialised.
#[repr(C)]
pub struct Device<T: Driver> {
    dev: Opaque<bindings::drm_device>,
    data: T::Data,
}

// SAFETY: the C device may be used from any task, and so may the data.
unsafe impl<T: Driver> Send for Device<T> {}
// SAFETY: the C device does its own locking; the data is `Sync`.
unsafe impl<T: Driver> Sync for Device<T> {}

impl<T: Driver> Device<T> {
    const VTABLE: bindings::drm_driver = {
        // SAFETY: all fields may be zero: numbers, and pointers that C takes as absent.
        let mut driver: bindings::drm_driver = unsafe { zeroed() };
        driver.open = Some(file::open_callback::<T>);
        driver.postclose = Some(file::postclose_callback::<T>);
        driver.release = Some(Self::release_callback);
        driver.gem_create_object = Some(gem::create_object_callback::<T::Object>);
        driver.major = T::INFO.major;
        driver.minor = T::INFO.minor;
        driver.patchlevel = T::INFO.patchlevel;
        driver.name = T::INFO.name.as_ptr().cast_mut();
        driver.desc = T::INFO.desc.as_ptr().cast_mut();
        driver.driver_features = bindings::drm_driver_feature_DRIVER_GEM
            | if T::FEAT_RENDER {
                bindings::drm_driver_feature_DRIVER_RENDER
            } else {
                0
            };
        driver.ioctls = T::IOCTLS.as_ptr().cast();
        driver.num_ioctls = T::IOCTLS.len() as i32;
        driver.fops = &raw const bindings::nova_drm_gem_fops;
        driver
    };

    /// As long as `data` is not initialised, a device must go without dropping it.
    const VTABLE_WITHOUT_DATA: bindings::drm_driver = {
        let mut driver = Self::VTABLE;
        driver.release = None;
        driver
    };

    /// Allocates a device below `parent`, which is being bound: the C side keeps a reference until it
    /// is unbound. Not registered yet. Sleeps.
    pub fn new(parent: &virtio::Device, data: impl PinInit<T::Data, Error>) -> Result<ARef<Self>> {
        // SAFETY: the vtables are static, and `parent` is live.
        let container = unsafe {
            bindings::__devm_drm_dev_alloc(
                parent.as_device(),
                const { &Self::VTABLE_WITHOUT_DATA },
                size_of::<Self>(),
                offset_of!(Self, dev),
            )
        };
        let this = NonNull::new(from_err_ptr(container)?.cast::<Self>()).ok_or(ENOMEM)?;
        // SAFETY: the device was just allocated, with room for `Self` of which `dev` is
        // initialised. Nobody else knows it, and its memory does not move.
        unsafe {
            data.__pinned_init(&raw mut (*this.as_ptr()).data)?;
            let dev = Opaque::cast_into(&raw const (*this.as_ptr()).dev);
            (*dev).driver = const { &Self::VTABLE };
            // The first reference belongs to the parent's binding; this one is ours.
            bindings::drm_dev_get(dev);
            Ok(ARef::from_raw(this))
        }
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::drm_device {
        self.dev.get()
    }

    /// # Safety
    ///
    /// `dev` is embedded in a `Device<T>` that lives for `'a`.
    #[doc(hidden)]
    pub unsafe fn from_raw<'a>(dev: *mut bindings::drm_device) -> &'a Self {
        // SAFETY: `dev` is at this offset of a `Device<T>`.
        unsafe { &*dev.wrapping_byte_sub(offset_of!(Self, dev)).cast() }
    }

    unsafe extern "C" fn release_callback(dev: *mut bindings::drm_device) {
        let this = dev.wrapping_byte_sub(offset_of!(Self, dev)).cast::<Self>();
        // SAFETY: the last reference is gone, and `data` is initialised once this is the vtable.
        unsafe { ptr::drop_in_place(&raw mut (*this).data) };
    }
}

impl<T: Driver> Deref for Device<T> {
    type Target = T::Data;

    fn deref(&self) -> &T::Data {
        &self.data
    }
}

// SAFETY: the C device is reference-counted, and `Self` lives in the same allocation.
unsafe impl<T: Driver> AlwaysRefCounted for Device<T> {
    fn inc_ref(&self) {
        // SAFETY: a reference shows that the count is not zero.
        unsafe { bindings::drm_dev_get(self.as_raw()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller gives up one count.
        unsafe { bindings::drm_dev_put(Opaque::cast_into(&raw const (*this.as_ptr()).dev)) };
    }
}

/// A registered device: it has nodes under /dev/dri until this is dropped. Files may stay open
/// longer; their ioctls then end in `ENODEV`.
pub struct Registration<T: Driver>(ARef<Device<T>>);

impl<T: Driver> Registration<T> {
    /// Makes the device visible. Sleeps; calls may come in before it returns.
    pub fn new(device: ARef<Device<T>>) -> Result<Self> {
        // SAFETY: the device is initialised.
        to_result(unsafe { bindings::drm_dev_register(device.as_raw(), 0) })?;
        Ok(Self(device))
    }

    /// The device.
    pub fn device(&self) -> &Device<T> {
        &self.0
    }
}

impl<T: Driver> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: registered in `new`. Unplugging waits for calls that are under way in
        // drm_dev_enter() sections and is safe with open files.
        unsafe { bindings::drm_dev_unplug(self.0.as_raw()) };
    }
}
