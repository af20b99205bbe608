// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A virtio device, as its driver sees it.

use crate::{
    bindings,
    device::{self, AsBusDevice, Bound, DeviceContext, Normal},
    error::{code::EINVAL, to_result, Result},
    types::Opaque,
};
use core::{ffi::CStr, marker::PhantomData, mem::offset_of, ptr};

/// A virtio device that is bound, or being bound, to a driver.
///
/// # Invariants
///
/// A reference points to a live `struct virtio_device`.
#[repr(transparent)]
pub struct Device<Ctx: DeviceContext = Normal>(Opaque<bindings::virtio_device>, PhantomData<Ctx>);

/// A queue that nobody has taken yet.
pub struct RawQueue(*mut bindings::virtqueue);

impl RawQueue {
    pub(super) fn into_raw(self) -> *mut bindings::virtqueue {
        self.0
    }
}

impl<Ctx: DeviceContext> Device<Ctx> {
    /// # Safety
    ///
    /// `raw` is live for `'a`, and as `Ctx` promises.
    pub(super) unsafe fn from_raw<'a>(raw: *mut bindings::virtio_device) -> &'a Self {
        // SAFETY: the type is transparent.
        unsafe { &*raw.cast() }
    }

    /// The C device.
    pub fn as_raw(&self) -> *mut bindings::virtio_device {
        self.0.get()
    }

    /// True when feature `bit` was negotiated.
    pub fn has_feature(&self, bit: u32) -> bool {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_virtio_has_feature(self.as_raw(), bit) }
    }

    /// Reads the configuration space from `offset`. Sleeps.
    pub fn read_config(&self, offset: u32, to: &mut [u8]) {
        // SAFETY: `to` has room for its length.
        unsafe {
            bindings::nova_virtio_cread_bytes(
                self.as_raw(),
                offset,
                to.as_mut_ptr().cast(),
                to.len(),
            )
        };
    }
}

impl Device {
    /// True when the guest's memory is encrypted, so that a device cannot read it.
    pub fn memory_is_encrypted() -> bool {
        // SAFETY: reads a global.
        unsafe { bindings::nova_guest_memory_is_encrypted() }
    }
}

impl Device<Bound> {
    /// Finds the device's first `N` queues. `vectors` says for each whether the driver's
    /// interrupt handler is called. Sleeps; once, in probe.
    pub fn find_queues<const N: usize>(&self, names: [&'static CStr; N]) -> Result<[RawQueue; N]> {
        let mut raw = [ptr::null_mut(); N];
        let mut info = names.map(|name| bindings::virtqueue_info {
            name: name.as_ptr(),
            callback: Some(super::driver::queue_callback),
            ctx: false,
        });
        let count = u32::try_from(N).map_err(|_| EINVAL)?;
        // SAFETY: both arrays have `N` entries; the names are static.
        to_result(unsafe {
            bindings::nova_virtio_find_vqs(
                self.as_raw(),
                count,
                raw.as_mut_ptr(),
                info.as_mut_ptr(),
            )
        })?;
        Ok(raw.map(RawQueue))
    }
}

impl<Ctx: DeviceContext> AsRef<device::Device<Ctx>> for Device<Ctx> {
    fn as_ref(&self) -> &device::Device<Ctx> {
        // SAFETY: by the type invariant; the embedded device is as long and as much bound as this one.
        unsafe { device::Device::from_raw(&raw mut (*self.as_raw()).dev) }
    }
}

// SAFETY: the offset is that of the embedded device; the type is transparent.
unsafe impl<Ctx: DeviceContext> AsBusDevice<Ctx> for Device<Ctx> {
    const OFFSET: usize = offset_of!(bindings::virtio_device, dev);
}
