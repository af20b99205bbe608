// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registration of a virtio driver, and the callbacks from C.

use super::{super::device::ResourceGroup, device::Device};
use crate::{
    alloc::{flags::GFP_KERNEL, KBox},
    bindings,
    device::Bound,
    error::{to_result, Error, Result},
    module::ThisModule,
    types::Opaque,
};
use core::{
    ffi::{c_int, CStr},
    pin::Pin,
    ptr,
};

/// A virtio driver; a value is what belongs to one device.
pub trait Driver: Send + Sync + Sized + 'static {
    /// The driver's name on the virtio bus.
    const NAME: &'static CStr;

    /// Looks at the device's configuration and features. On an error the device is declined: it is not reset and its
    /// queues are not touched. Sleeps.
    fn accept(device: &Device<Bound>) -> Result;

    /// Finds the device's queues. Nothing may be sent yet. Sleeps.
    fn probe(device: &Device<Bound>) -> Result<Pin<KBox<Self>>>;

    /// The device is live (`DRIVER_OK`): requests may be sent. Sleeps. After an error the
    /// device is taken down as in a removal.
    ///
    /// In a removal, what was given to the device since probe began
    /// ([`device::register`](crate::device::register)) goes first, while the device still answers.
    fn ready(self: Pin<&Self>, device: &Device<Bound>) -> Result;

    /// Queue `index` has something. Interrupt context.
    fn queue_interrupt(self: Pin<&Self>, index: u32);

    /// The device was reset: it has none of the driver's memory any more. The driver drops its
    /// [`Virtqueue`](super::Virtqueue)s here: the queues are deleted afterwards. Sleeps.
    fn stopped(self: Pin<&Self>);
}

/// One entry of a driver's id table: any vendor's device of a type.
///
/// Counterpart of `struct virtio_device_id`.
#[repr(transparent)]
pub struct DeviceId(bindings::virtio_device_id);

impl DeviceId {
    /// Ends a table.
    pub const END: Self = Self::entry(0, 0);

    /// Devices of type `device`, by the number of VIRTIO's id table.
    pub const fn new(device: u32) -> Self {
        Self::entry(device, bindings::VIRTIO_DEV_ANY_ID as u32)
    }

    const fn entry(device: u32, vendor: u32) -> Self {
        Self(bindings::virtio_device_id { device, vendor })
    }
}

/// The device ids of a driver, ending in [`DeviceId::END`].
///
/// The module's alias (`virtio:d00000006v*` for type 6) is what modprobe finds it by; this is what the bus does.
///
/// # Invariants
///
/// The last entry is all zeros.
#[derive(Clone, Copy)]
pub struct IdTable(&'static [DeviceId]);

impl IdTable {
    /// A table; it must end in [`DeviceId::END`], which is checked when it is compiled where it is made in a constant.
    pub const fn new(ids: &'static [DeviceId]) -> Self {
        assert!(
            matches!(ids, [.., end] if end.0.device == 0 && end.0.vendor == 0),
            "an id table ends in DeviceId::END"
        );
        // INVARIANT: checked above.
        Self(ids)
    }
}

/// A driver that is known to the virtio bus until this is dropped.
pub struct Registration {
    driver: KBox<Opaque<bindings::virtio_driver>>,
}

// SAFETY: registering and unregistering may be done by any task.
unsafe impl Send for Registration {}
// SAFETY: there is nothing to do with a shared reference.
unsafe impl Sync for Registration {}

impl Registration {
    /// Registers `T`, a part of `module`. Sleeps; devices that are there are probed before it returns.
    ///
    /// Errors: those of `register_virtio_driver()`: `EBUSY` when a driver of this name is there, `ENOMEM`.
    pub fn new<T: Driver>(ids: IdTable, module: &'static ThisModule) -> Result<Self> {
        // SAFETY: all fields may be zero: numbers, and pointers that C takes as absent.
        let mut driver: bindings::virtio_driver = unsafe { core::mem::zeroed() };
        driver.id_table = ids.0.as_ptr().cast();
        driver.probe = Some(probe_callback::<T>);
        driver.remove = Some(remove_callback::<T>);
        driver.driver.name = T::NAME.as_ptr();
        let driver = KBox::new(Opaque::new(driver), GFP_KERNEL)?;
        // SAFETY: the driver is on the heap and lives until it is unregistered.
        to_result(unsafe { bindings::__register_virtio_driver(driver.get(), module.as_ptr()) })?;
        Ok(Self { driver })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: registered in `new`.
        unsafe { bindings::unregister_virtio_driver(self.driver.get()) };
    }
}

/// What `vdev->priv` points to: the driver's data behind a pointer to its interrupt handler, so that one C
/// callback serves every driver.
#[repr(C)]
struct Private<T> {
    interrupt: unsafe fn(*const core::ffi::c_void, u32),
    data: Pin<KBox<T>>,
    /// What was given to the device since probe began.
    resources: Option<ResourceGroup>,
}

unsafe fn interrupt<T: Driver>(private: *const core::ffi::c_void, index: u32) {
    // SAFETY: called with what `probe_callback::<T>` stored.
    let private = unsafe { &*private.cast::<Private<T>>() };
    private.data.as_ref().queue_interrupt(index);
}

/// The callback of every queue.
///
/// # Safety
///
/// Called by the virtio core with a live queue.
pub(super) unsafe extern "C" fn queue_callback(queue: *mut bindings::virtqueue) {
    // SAFETY: the queue and its device are live.
    let (private, index) = unsafe { (bindings::nova_virtio_priv((*queue).vdev), (*queue).index) };
    if private.is_null() {
        return;
    }
    // SAFETY: `private` is a `Private<T>`, which starts with its handler and outlives the queues.
    unsafe {
        let handler = *private.cast::<unsafe fn(*const core::ffi::c_void, u32)>();
        handler(private, index);
    }
}

unsafe extern "C" fn probe_callback<T: Driver>(vdev: *mut bindings::virtio_device) -> c_int {
    // SAFETY: the core calls this with a live device.
    let device = unsafe { Device::from_raw(vdev) };
    match probe::<T>(device) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

fn probe<T: Driver>(device: &Device<Bound>) -> Result<(), Error> {
    T::accept(device)?;
    let raw = device.as_raw();
    let resources = ResourceGroup::open(device.as_ref())?;
    let data = match T::probe(device) {
        Ok(data) => data,
        Err(error) => {
            // SAFETY: probe failed, so nobody uses the queues that it may have found.
            unsafe { give_up(raw, resources) };
            return Err(error);
        }
    };
    let private = KBox::new(
        Private {
            interrupt: interrupt::<T>,
            data,
            resources: None,
        },
        GFP_KERNEL,
    );
    let private = match private {
        Ok(mut private) => {
            private.resources = Some(resources);
            KBox::into_raw(private)
        }
        Err(error) => {
            // SAFETY: as above.
            unsafe { give_up(raw, resources) };
            return Err(error.into());
        }
    };
    // SAFETY: no interrupt can come before the device is ready.
    unsafe {
        (*raw).priv_ = private.cast();
        bindings::nova_virtio_device_ready(raw);
    }
    // SAFETY: `private` lives until `take_down`.
    let result = unsafe { (*private).data.as_ref().ready(device) };
    if result.is_err() {
        // SAFETY: `private` was stored above.
        unsafe { take_down::<T>(raw) };
    }
    result
}

unsafe extern "C" fn remove_callback<T: Driver>(vdev: *mut bindings::virtio_device) {
    // SAFETY: remove follows a successful probe, which stored a `Private<T>`.
    unsafe { take_down::<T>(vdev) };
}

/// # Safety
///
/// `vdev->priv` is a `Private<T>` that this call may free.
unsafe fn take_down<T: Driver>(vdev: *mut bindings::virtio_device) {
    // SAFETY: by this function's contract; a reset also waits for interrupt handlers.
    unsafe {
        let private = bindings::nova_virtio_priv(vdev).cast::<Private<T>>();
        if let Some(resources) = (*private).resources.take() {
            resources.release();
        }
        bindings::virtio_reset_device(vdev);
        (*private).data.as_ref().stopped();
        bindings::nova_virtio_del_vqs(vdev);
        (*vdev).priv_ = ptr::null_mut();
        drop(KBox::from_raw(private));
    }
}

/// # Safety
///
/// Nothing uses the device's queues.
unsafe fn give_up(vdev: *mut bindings::virtio_device, resources: ResourceGroup) {
    // SAFETY: by this function's contract.
    unsafe {
        resources.release();
        bindings::virtio_reset_device(vdev);
        bindings::nova_virtio_del_vqs(vdev);
    }
}
