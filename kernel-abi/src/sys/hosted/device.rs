// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Devices of a process: a reference count, and a list of what is dropped when they are unbound.

use crate::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    device::{Bound, DeviceContext, Normal},
    error::{code::ENODEV, Error, Result},
    new_mutex,
    sync::Mutex,
    types::{ARef, AlwaysRefCounted},
};
use core::{
    ffi::{c_void, CStr},
    marker::PhantomData,
    ops::Deref,
    ptr::{self, NonNull},
    sync::atomic::{fence, AtomicUsize, Ordering},
};
use pinned_init::{pin_data, try_pin_init};

/// A function and what it is called with when the device is unbound.
struct Action {
    action: unsafe extern "C" fn(*mut c_void),
    data: *mut c_void,
}

// SAFETY: by the contract of `Device::add_action_or_reset`, which makes the only ones.
unsafe impl Send for Action {}

#[pin_data]
struct Inner {
    references: AtomicUsize,
    name: &'static CStr,
    /// None once the device is unbound.
    #[pin]
    actions: Mutex<Option<KVec<Action>>>,
}

/// A device.
///
/// # Invariants
///
/// Lives in a [`KBox`] that the last of `references` frees. With [`Bound`], it is not unbound before the
/// reference ends.
#[repr(transparent)]
pub struct Device<Ctx: DeviceContext = Normal> {
    inner: Inner,
    _ctx: PhantomData<Ctx>,
}

impl<Ctx: DeviceContext> Device<Ctx> {
    /// The device's name (`dev_name()`).
    pub fn name(&self) -> &CStr {
        self.inner.name
    }

    /// Whether both are one device.
    pub fn is_same<Other: DeviceContext>(&self, other: &Device<Other>) -> bool {
        ptr::addr_eq(self, other)
    }
}

impl Device {
    /// The device as one that is bound.
    ///
    /// # Safety
    ///
    /// It is bound, and stays so as long as the reference lives.
    pub unsafe fn as_bound(&self) -> &Device<Bound> {
        // SAFETY: the context is not part of the layout.
        unsafe { &*ptr::from_ref(self).cast() }
    }
}

impl Device<Bound> {
    /// Has `action` called with `data` when the device is unbound; at once when this fails. Sleeps.
    ///
    /// # Safety
    ///
    /// `action` may be called with `data`, once, on any thread.
    pub unsafe fn add_action_or_reset(
        &self,
        action: unsafe extern "C" fn(*mut c_void),
        data: *mut c_void,
    ) -> Result {
        let entry = Action { action, data };
        let added = match &mut *self.inner.actions.lock() {
            Some(actions) => actions.push(entry, GFP_KERNEL).map_err(Error::from),
            None => Err(ENODEV),
        };
        if added.is_err() {
            // SAFETY: by this function's contract.
            unsafe { action(data) };
        }
        added
    }
}

impl Deref for Device<Bound> {
    type Target = Device;

    fn deref(&self) -> &Device {
        // SAFETY: the context is not part of the layout, and `Normal` promises less.
        unsafe { &*ptr::from_ref(self).cast() }
    }
}

// SAFETY: the count is the number of `ARef`s, and the last one frees the box.
unsafe impl AlwaysRefCounted for Device {
    fn inc_ref(&self) {
        self.inner.references.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller has a count, so that the device is live.
        let inner = unsafe { &this.as_ref().inner };
        if inner.references.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: that was the last count; the type is transparent.
            drop(unsafe { KBox::<Inner>::from_raw(this.as_ptr().cast()) });
        }
    }
}

/// A device on no bus that is bound from when it is made until this is dropped (`root_device_register()`).
///
/// Unbinding drops what [`register`](crate::device::register) gave it.
pub struct RootDevice(ARef<Device>);

impl RootDevice {
    /// Makes a device. Sleeps; `ENOMEM` without memory.
    pub fn new(name: &'static CStr) -> Result<Self> {
        let boxed = KBox::pin_init(
            try_pin_init!(Inner {
                references: AtomicUsize::new(1),
                name,
                actions <- new_mutex!(Some(KVec::new()), "RootDevice::actions"),
            }? Error),
            GFP_KERNEL,
        )?;
        // SAFETY: the value stays where it is: an `ARef` gives out shared references only.
        let boxed = unsafe { core::pin::Pin::into_inner_unchecked(boxed) };
        // SAFETY: a box is never null, the type is transparent, and the first reference is taken over.
        Ok(Self(unsafe {
            ARef::from_raw(NonNull::new_unchecked(KBox::into_raw(boxed).cast()))
        }))
    }
}

impl Deref for RootDevice {
    type Target = Device<Bound>;

    fn deref(&self) -> &Device<Bound> {
        // SAFETY: bound until `self` is dropped.
        unsafe { self.0.as_bound() }
    }
}

impl Drop for RootDevice {
    fn drop(&mut self) {
        let mut actions = self.0.inner.actions.lock().take().unwrap_or_default();
        while let Some(Action { action, data }) = actions.pop() {
            // SAFETY: by the contract of `add_action_or_reset`; taken once.
            unsafe { action(data) };
        }
    }
}
