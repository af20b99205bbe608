// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Ioctl descriptors as DRM core reads them, and what it calls.
//!
//! C header: `include/drm/drm_ioctl.h`.

use crate::{
    device::{Device, Ioctl},
    driver::Driver,
    ioctl::{check_size, Handler},
    File,
};
use core::{
    ffi::{c_int, c_void},
    mem::zeroed,
    ptr::{self, NonNull},
};
use kernel_abi::{
    bindings,
    error::code::ERANGE,
    transmute::{AsBytes, FromBytes},
};

/// One entry of a driver's table (`struct drm_ioctl_desc`).
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct DrmIoctlDescriptor(bindings::drm_ioctl_desc);

// SAFETY: it holds a number and a function.
unsafe impl Sync for DrmIoctlDescriptor {}

impl DrmIoctlDescriptor {
    /// An unknown ioctl: `EINVAL`.
    pub const fn gap() -> Self {
        // SAFETY: all fields may be zero: numbers, and pointers that C takes as absent.
        Self(unsafe { zeroed() })
    }

    /// Command `cmd` with an argument of type `A`, handled by `handler`. For
    /// [`declare_drm_ioctls!`](crate::declare_drm_ioctls), in a constant.
    pub const fn new<T: Driver, A: FromBytes + AsBytes, K, H: Handler<T, A, K>>(
        cmd: u32,
        flags: u32,
        _handler: H,
    ) -> Self {
        const { assert!(size_of::<H>() == 0, "a handler has no captures") };
        check_size::<A>(cmd);
        Self(bindings::drm_ioctl_desc {
            cmd,
            flags,
            func: Some(dispatch::<T, A, K, H>),
            name: ptr::null(),
        })
    }
}

/// # Safety
///
/// DRM core calls this with a registered device of `T`, its copy of an argument of the size that the command
/// carries, and an open file of that device.
unsafe extern "C" fn dispatch<T: Driver, A, K, H: Handler<T, A, K>>(
    device: *mut bindings::drm_device,
    arg: *mut c_void,
    file: *mut bindings::drm_file,
) -> c_int {
    // SAFETY: by this function's contract; DRM core's copy is aligned for any argument, and of any bytes the argument
    // is a value.
    let (device, arg, file) = unsafe {
        (
            Device::<T, Ioctl>::from_raw(device),
            &mut *arg.cast::<A>(),
            File::<T::File>::from_raw(file),
        )
    };
    // SAFETY: a handler has no size, and `new` was given one: it is there.
    let handler = unsafe { NonNull::<H>::dangling().read() };
    match handler.handle(device, arg, file) {
        Ok(value) => c_int::try_from(value).unwrap_or(ERANGE.to_errno()),
        Err(error) => error.to_errno(),
    }
}
