// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `struct device`.
//!
//! C headers: `include/linux/device.h`, `include/linux/device/devres.h`.

use super::bindings;
use crate::{
    device::{Bound, DeviceContext, Normal},
    error::{code::ENOMEM, from_err_ptr, to_result, Result},
    types::{AlwaysRefCounted, Opaque},
};
use core::{
    ffi::{c_void, CStr},
    marker::PhantomData,
    ops::Deref,
    ptr::{self, NonNull},
};

/// A device.
///
/// # Invariants
///
/// A reference points to a live `struct device`. With [`Bound`], it is not unbound before the reference
/// ends.
#[repr(transparent)]
pub struct Device<Ctx: DeviceContext = Normal>(Opaque<bindings::device>, PhantomData<Ctx>);

// SAFETY: C's device may be used and released by any task.
unsafe impl<Ctx: DeviceContext> Send for Device<Ctx> {}
// SAFETY: C's device does its own locking.
unsafe impl<Ctx: DeviceContext> Sync for Device<Ctx> {}

impl<Ctx: DeviceContext> Device<Ctx> {
    /// # Safety
    ///
    /// `raw` is live for `'a`, and as `Ctx` promises.
    pub unsafe fn from_raw<'a>(raw: *mut bindings::device) -> &'a Self {
        // SAFETY: the type is transparent.
        unsafe { &*raw.cast() }
    }

    /// The C device.
    pub fn as_raw(&self) -> *mut bindings::device {
        self.0.get()
    }

    /// The device's name (`dev_name()`).
    pub fn name(&self) -> &CStr {
        // SAFETY: by the type invariant; a device keeps its name, which is a string.
        unsafe { CStr::from_ptr(bindings::nova_dev_name(self.as_raw())) }
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
        // SAFETY: by this function's contract.
        unsafe { Device::from_raw(self.as_raw()) }
    }
}

impl Device<Bound> {
    /// Has `action` called with `data` when the device is unbound; at once when this fails. Sleeps.
    ///
    /// # Safety
    ///
    /// `action` may be called with `data`, once, in any process context.
    pub unsafe fn add_action_or_reset(
        &self,
        action: unsafe extern "C" fn(*mut c_void),
        data: *mut c_void,
    ) -> Result {
        // SAFETY: by the type invariant and this function's contract.
        to_result(unsafe {
            bindings::nova_devm_add_action_or_reset(self.as_raw(), Some(action), data)
        })
    }
}

impl Deref for Device<Bound> {
    type Target = Device;

    fn deref(&self) -> &Device {
        // SAFETY: by the type invariant; `Normal` promises less.
        unsafe { Device::from_raw(self.as_raw()) }
    }
}

// SAFETY: C counts references to a device.
unsafe impl AlwaysRefCounted for Device {
    fn inc_ref(&self) {
        // SAFETY: a reference shows that the count is not zero.
        unsafe { bindings::get_device(self.as_raw()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller gives up one count.
        unsafe { bindings::put_device(this.as_ptr().cast()) };
    }
}

/// Resources of a device that go together, before the others (`devres_open_group()`).
///
/// # Invariants
///
/// The group `id` of the device is there.
pub(super) struct ResourceGroup {
    device: *mut bindings::device,
    id: *mut c_void,
}

impl ResourceGroup {
    /// Opens a group: what is given to `device` from now on belongs to it. Sleeps.
    pub(super) fn open(device: &Device<Bound>) -> Result<Self> {
        // SAFETY: the device is live; without an id of its own the group gets one.
        let id = unsafe {
            bindings::devres_open_group(
                device.as_raw(),
                ptr::null_mut(),
                bindings::NOVA_CONST_GFP_KERNEL,
            )
        };
        if id.is_null() {
            return Err(ENOMEM);
        }
        Ok(Self {
            device: device.as_raw(),
            id,
        })
    }

    /// Lets the group go, the last resource first. Sleeps.
    ///
    /// # Safety
    ///
    /// The device is live.
    pub(super) unsafe fn release(self) {
        // SAFETY: by the type invariant and this function's contract.
        unsafe { bindings::devres_release_group(self.device, self.id) };
    }
}

/// A device on no bus that is bound from when it is made until this is dropped (`root_device_register()`).
///
/// Unbinding drops what [`register`](crate::device::register) gave it.
pub struct RootDevice {
    device: *mut bindings::device,
    group: Option<ResourceGroup>,
}

// SAFETY: C's device may be used and released by any task.
unsafe impl Send for RootDevice {}
// SAFETY: C's device does its own locking.
unsafe impl Sync for RootDevice {}

impl RootDevice {
    /// Makes a device, which is seen in /sys/devices. Sleeps; `ENOMEM` without memory, `EEXIST` when there is one of
    /// this name.
    pub fn new(name: &'static CStr) -> Result<Self> {
        // SAFETY: the name is static; the owner is this module.
        let device = unsafe {
            bindings::__root_device_register(name.as_ptr(), &raw mut bindings::__this_module)
        };
        let mut this = Self {
            device: from_err_ptr(device)?,
            group: None,
        };
        this.group = Some(ResourceGroup::open(&this)?);
        Ok(this)
    }
}

impl Deref for RootDevice {
    type Target = Device<Bound>;

    fn deref(&self) -> &Device<Bound> {
        // SAFETY: registered in `new`, and as good as bound until `self` is dropped.
        unsafe { Device::from_raw(self.device) }
    }
}

impl Drop for RootDevice {
    fn drop(&mut self) {
        // SAFETY: registered in `new`, and given up here.
        unsafe {
            if let Some(group) = self.group.take() {
                group.release();
            }
            bindings::root_device_unregister(self.device);
        }
    }
}
