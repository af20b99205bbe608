// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Open files.
//!
//! C header: `include/drm/drm_file.h`.

use super::device::Device;
use crate::{driver::Driver, file::DriverFile};
use core::{ffi::c_int, marker::PhantomData, pin::Pin};
use kernel_abi::{alloc::KBox, bindings, types::Opaque};

/// An open file of a device, with the driver's [`DriverFile`] behind it.
///
/// # Invariants
///
/// The C file is open and its `driver_priv` came from [`open_callback`].
#[repr(transparent)]
pub struct File<F: DriverFile>(Opaque<bindings::drm_file>, PhantomData<F>);

impl<F: DriverFile> File<F> {
    /// # Safety
    ///
    /// `raw` is an open file of a device of `F::Driver`, for `'a`.
    #[doc(hidden)]
    pub unsafe fn from_raw<'a>(raw: *mut bindings::drm_file) -> &'a Self {
        // SAFETY: the type is transparent.
        unsafe { &*raw.cast() }
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::drm_file {
        self.0.get()
    }

    /// The device.
    pub fn device(&self) -> &Device<F::Driver> {
        // SAFETY: by the type invariant; a file keeps its node, and that its device.
        unsafe { Device::from_raw((*(*self.as_raw()).minor).dev) }
    }

    /// The driver's part.
    pub fn inner(&self) -> Pin<&F> {
        // SAFETY: by the type invariant; the memory is on the heap and does not move.
        unsafe { Pin::new_unchecked(&*(*self.as_raw()).driver_priv.cast()) }
    }
}

pub(super) unsafe extern "C" fn open_callback<T: Driver>(
    dev: *mut bindings::drm_device,
    file: *mut bindings::drm_file,
) -> c_int {
    // SAFETY: DRM core calls this with a live device of this driver.
    let device = unsafe { Device::<T>::from_raw(dev) };
    match T::File::open(device) {
        Ok(inner) => {
            // SAFETY: the value stays pinned until `postclose_callback` takes it back.
            let inner = KBox::into_raw(unsafe { Pin::into_inner_unchecked(inner) });
            // SAFETY: DRM core calls this with a live file that nobody else uses yet.
            unsafe { (*file).driver_priv = inner.cast() };
            0
        }
        Err(error) => error.to_errno(),
    }
}

pub(super) unsafe extern "C" fn postclose_callback<T: Driver>(
    _dev: *mut bindings::drm_device,
    file: *mut bindings::drm_file,
) {
    // SAFETY: `driver_priv` is from `open_callback`, and the file is closed for good.
    drop(unsafe { KBox::<T::File>::from_raw((*file).driver_priv.cast()) });
}
