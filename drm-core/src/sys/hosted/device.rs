// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Devices.

use super::{
    gem::AllocImpl,
    std::sync::{Condvar, Mutex as Waitable, PoisonError},
};
use crate::{
    device::{DeviceContext, Ioctl, Normal, Registered},
    driver::Driver,
};
use core::{
    marker::PhantomData,
    ops::Deref,
    ptr::{self, NonNull},
    sync::atomic::{fence, AtomicBool, AtomicUsize, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    device::{self, AsBusDevice, Bound},
    error::{Error, Result},
    new_mutex,
    sync::Mutex,
    types::{ARef, AlwaysRefCounted},
};
use pinned_init::{pin_data, try_pin_init, PinInit};

pub use crate::registration::{RegistrationGuard, UnregisteredDevice};

/// Whether files can be opened, and who relies on it at the moment.
struct Plug<T: Driver> {
    /// There while the device is registered.
    data: Option<NonNull<T::RegistrationData<'static>>>,
    entered: usize,
}

// SAFETY: the pointer is to data that may be used and dropped by any thread.
unsafe impl<T: Driver> Send for Plug<T> {}

#[pin_data]
pub(super) struct Inner<T: Driver> {
    references: AtomicUsize,
    parent: ARef<device::Device>,
    plug: Waitable<Plug<T>>,
    left: Condvar,
    /// Whether a file is master of the primary node.
    pub(super) has_master: AtomicBool,
    /// Memory of objects that are gone, for new ones.
    #[pin]
    pub(super) pool: Mutex<<T::Object as AllocImpl>::Pool>,
    #[pin]
    data: T::Data,
}

/// A DRM device with the driver's data behind it.
///
/// # Invariants
///
/// Lives in a [`KBox`] that the last of `references` frees. What the context promises holds; the layout is
/// the same in all contexts.
#[repr(transparent)]
pub struct Device<T: Driver, C: DeviceContext = Normal> {
    inner: Inner<T>,
    _context: PhantomData<C>,
}

impl<T: Driver> Device<T> {
    /// Allocates a device below `parent`. Sleeps.
    pub(crate) fn allocate(
        parent: &T::ParentDevice<Bound>,
        data: impl PinInit<T::Data, Error>,
    ) -> Result<ARef<Self>> {
        let bound: &device::Device<Bound> = parent.as_ref();
        let parent: &device::Device = bound;
        let boxed = KBox::pin_init(
            try_pin_init!(Inner {
                references: AtomicUsize::new(1),
                parent: ARef::from(parent),
                plug: Waitable::new(Plug::<T> { data: None, entered: 0 }),
                left: Condvar::new(),
                has_master: AtomicBool::new(false),
                pool <- new_mutex!(<<T::Object as AllocImpl>::Pool>::default(), "Device::pool"),
                data <- data,
            }? Error),
            GFP_KERNEL,
        )?;
        // SAFETY: the value stays where it is: an `ARef` gives out shared references only.
        let boxed = unsafe { core::pin::Pin::into_inner_unchecked(boxed) };
        // SAFETY: a box is never null, the type is transparent, and its first reference is taken over.
        Ok(unsafe { ARef::from_raw(NonNull::new_unchecked(KBox::into_raw(boxed).cast())) })
    }

    /// Whether files can be opened: between registration and its end.
    pub fn is_registered(&self) -> bool {
        self.plug(|plug| plug.data.is_some())
    }

    /// The device that this one hangs below.
    pub(crate) fn parent(&self) -> &device::Device {
        &self.inner.parent
    }

    /// Lets files be opened.
    ///
    /// # Safety
    ///
    /// The device was never registered. `data` lives until [`Device::unplug`] has returned.
    pub(crate) unsafe fn register(
        &self,
        data: NonNull<T::RegistrationData<'static>>,
        _flags: usize,
    ) -> Result {
        self.plug(|plug| plug.data = Some(data));
        Ok(())
    }

    /// Lets no more files be opened, and waits for those that have entered.
    ///
    /// # Safety
    ///
    /// The device is registered, and this is called once.
    pub(crate) unsafe fn unplug(&self) {
        let plug = self.inner.plug.lock();
        let mut plug = plug.unwrap_or_else(PoisonError::into_inner);
        plug.data = None;
        while plug.entered > 0 {
            let waited = self.inner.left.wait(plug);
            plug = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T: Driver, C: DeviceContext> Device<T, C> {
    pub(super) fn inner(&self) -> &Inner<T> {
        &self.inner
    }

    fn plug<R>(&self, call: impl FnOnce(&mut Plug<T>) -> R) -> R {
        let plug = self.inner.plug.lock();
        call(&mut plug.unwrap_or_else(PoisonError::into_inner))
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

    /// Keeps the device registered until [`Device::leave`]; None once it is unplugged.
    pub(crate) fn enter(&self) -> Option<i32> {
        self.plug(|plug| {
            plug.data?;
            plug.entered += 1;
            Some(0)
        })
    }

    /// # Safety
    ///
    /// Follows a successful [`Device::enter`], once.
    pub(crate) unsafe fn leave(&self, _index: i32) {
        self.plug(|plug| plug.entered -= 1);
        self.inner.left.notify_all();
    }

    /// The data that it was registered with; dangling before and after.
    pub(crate) fn registration_data(&self) -> NonNull<T::RegistrationData<'static>> {
        self.plug(|plug| plug.data.unwrap_or(NonNull::dangling()))
    }
}

impl<T: Driver> Deref for Device<T> {
    type Target = T::Data;

    fn deref(&self) -> &T::Data {
        &self.inner.data
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

// SAFETY: the count is the number of `ARef`s, and the last one frees the box.
unsafe impl<T: Driver> AlwaysRefCounted for Device<T> {
    fn inc_ref(&self) {
        self.inner.references.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller has a count, so that the device is live.
        let inner = unsafe { &this.as_ref().inner };
        if inner.references.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: that was the last count; the type is transparent.
            drop(unsafe { KBox::<Inner<T>>::from_raw(this.as_ptr().cast()) });
        }
    }
}
