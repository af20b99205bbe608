// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `struct drm_device`.
//!
//! C headers: `include/drm/drm_device.h`, `include/drm/drm_drv.h`.

use super::{file, gem};
use crate::{
    device::{DeviceContext, Ioctl, Normal, Registered},
    driver::Driver,
};
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    mem::{offset_of, zeroed},
    ops::Deref,
    ptr::{self, NonNull},
};
use kernel_abi::{
    bindings,
    device::{self, AsBusDevice, Bound},
    error::{code::ENOMEM, from_err_ptr, to_result, Error, Result},
    types::{ARef, AlwaysRefCounted, Opaque},
};
use pinned_init::PinInit;

pub use crate::registration::{RegistrationGuard, UnregisteredDevice};

const fn feature(has: bool, bit: u32) -> u32 {
    if has {
        bit
    } else {
        0
    }
}

/// A DRM device with the driver's data behind it.
///
/// # Invariants
///
/// `dev` is an initialised `struct drm_device`, and `data` is initialised. What the context promises holds; the
/// layout is the same in all contexts.
#[repr(C)]
pub struct Device<T: Driver, C: DeviceContext = Normal> {
    dev: Opaque<bindings::drm_device>,
    data: T::Data,
    /// Written before the device is registered.
    registration_data: UnsafeCell<NonNull<T::RegistrationData<'static>>>,
    _context: PhantomData<C>,
}

// SAFETY: the C device may be used and released by any task, and so may the data.
unsafe impl<T: Driver, C: DeviceContext> Send for Device<T, C> {}
// SAFETY: the C device does its own locking; the data is `Sync`.
unsafe impl<T: Driver, C: DeviceContext> Sync for Device<T, C> {}

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
            | feature(T::FEAT_RENDER, bindings::drm_driver_feature_DRIVER_RENDER)
            | feature(T::FEAT_SYNCOBJ, bindings::drm_driver_feature_DRIVER_SYNCOBJ)
            | feature(
                T::FEAT_SYNCOBJ_TIMELINE,
                bindings::drm_driver_feature_DRIVER_SYNCOBJ_TIMELINE,
            );
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

    /// Allocates a device below `parent`: the C side keeps a reference until that is unbound. Sleeps.
    pub(crate) fn allocate(
        parent: &T::ParentDevice<Bound>,
        data: impl PinInit<T::Data, Error>,
    ) -> Result<ARef<Self>> {
        // SAFETY: the vtables are static, and `parent` is bound.
        let container = unsafe {
            bindings::__devm_drm_dev_alloc(
                parent.as_ref().as_raw(),
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
            (&raw mut (*this.as_ptr()).registration_data)
                .write(UnsafeCell::new(NonNull::dangling()));
            let dev = (*this.as_ptr()).dev.get();
            (*dev).driver = const { &Self::VTABLE };
            // The first reference belongs to the parent's binding; this one is ours.
            bindings::drm_dev_get(dev);
            Ok(ARef::from_raw(this))
        }
    }

    /// The device that this one hangs below.
    pub(crate) fn parent(&self) -> &device::Device {
        // SAFETY: by the type invariant; a DRM device keeps its parent.
        unsafe { device::Device::from_raw((*self.as_raw()).dev) }
    }

    /// `drm_dev_register()`
    ///
    /// # Safety
    ///
    /// The device was never registered. `data` lives until [`Device::unplug`] has returned.
    pub(crate) unsafe fn register(
        &self,
        data: NonNull<T::RegistrationData<'static>>,
        flags: usize,
    ) -> Result {
        // SAFETY: nobody reads it before the device is registered.
        unsafe { *self.registration_data.get() = data };
        // SAFETY: the device is initialised.
        to_result(unsafe { bindings::drm_dev_register(self.as_raw(), flags as _) })
    }

    /// `drm_dev_unplug()`: waits for those that have entered, and is safe with open files.
    ///
    /// # Safety
    ///
    /// The device is registered, and this is called once.
    pub(crate) unsafe fn unplug(&self) {
        // SAFETY: by this function's contract.
        unsafe { bindings::drm_dev_unplug(self.as_raw()) };
    }

    unsafe extern "C" fn release_callback(dev: *mut bindings::drm_device) {
        let this = dev.wrapping_byte_sub(offset_of!(Self, dev)).cast::<Self>();
        // SAFETY: the last reference is gone, and `data` is initialised once this is the vtable.
        unsafe { ptr::drop_in_place(&raw mut (*this).data) };
    }
}

impl<T: Driver, C: DeviceContext> Device<T, C> {
    /// The C device.
    #[doc(hidden)]
    pub fn as_raw(&self) -> *mut bindings::drm_device {
        self.dev.get()
    }

    /// # Safety
    ///
    /// `dev` is embedded in a `Device<T, C>` that lives, and is as the context promises, for `'a`.
    pub(crate) unsafe fn from_raw<'a>(dev: *mut bindings::drm_device) -> &'a Self {
        // SAFETY: `dev` is at this offset of a `Device<T>`.
        unsafe { &*dev.wrapping_byte_sub(offset_of!(Self, dev)).cast() }
    }

    /// The device in another context.
    ///
    /// # Safety
    ///
    /// What the context promises holds for as long as the reference lives.
    pub(crate) unsafe fn assume_context<Other: DeviceContext>(&self) -> &Device<T, Other> {
        // SAFETY: by this function's contract; the layout is the same.
        unsafe { &*ptr::from_ref(self).cast() }
    }

    /// `drm_dev_enter()`: None once the device is unplugged.
    pub(crate) fn enter(&self) -> Option<i32> {
        let mut index = 0;
        // SAFETY: by the type invariant.
        unsafe { bindings::drm_dev_enter(self.as_raw(), &mut index) }.then_some(index)
    }

    /// `drm_dev_exit()`
    ///
    /// # Safety
    ///
    /// `index` is from [`Device::enter`], and given back once, by the same thread.
    pub(crate) unsafe fn leave(&self, index: i32) {
        // SAFETY: by this function's contract.
        unsafe { bindings::drm_dev_exit(index) };
    }

    /// The data that it was registered with; dangling before.
    pub(crate) fn registration_data(&self) -> NonNull<T::RegistrationData<'static>> {
        // SAFETY: written only before anybody else knows the device.
        unsafe { *self.registration_data.get() }
    }
}

impl<T: Driver> Deref for Device<T> {
    type Target = T::Data;

    fn deref(&self) -> &T::Data {
        &self.data
    }
}

impl<T: Driver> Deref for Device<T, Ioctl> {
    type Target = Device<T>;

    fn deref(&self) -> &Device<T> {
        // SAFETY: `Normal` promises less.
        unsafe { self.assume_context() }
    }
}

impl<T: Driver> Deref for Device<T, Registered> {
    type Target = Device<T>;

    fn deref(&self) -> &Device<T> {
        // SAFETY: `Normal` promises less.
        unsafe { self.assume_context() }
    }
}

impl<T: Driver> AsRef<T::ParentDevice<device::Normal>> for Device<T> {
    fn as_ref(&self) -> &T::ParentDevice<device::Normal> {
        // SAFETY: the parent is of that type, by `allocate`.
        unsafe { AsBusDevice::from_device(self.parent()) }
    }
}

impl<T: Driver> AsRef<T::ParentDevice<Bound>> for Device<T, Registered> {
    fn as_ref(&self) -> &T::ParentDevice<Bound> {
        // SAFETY: as above; the parent of a registered device is bound.
        unsafe { AsBusDevice::from_device(self.parent().as_bound()) }
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
        unsafe { bindings::drm_dev_put(this.as_ref().as_raw()) };
    }
}
