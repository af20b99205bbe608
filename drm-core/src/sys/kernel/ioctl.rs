// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Ioctl descriptors as DRM core reads them.

use core::{mem::zeroed, ptr};
use kernel_abi::bindings;

/// One entry of a driver's table.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct DrmIoctlDescriptor(bindings::drm_ioctl_desc);

// SAFETY: it holds a static name and a function.
unsafe impl Sync for DrmIoctlDescriptor {}

impl DrmIoctlDescriptor {
    /// An unknown ioctl.
    pub const fn gap() -> Self {
        // SAFETY: all fields may be zero: numbers, and pointers that C takes as absent.
        Self(unsafe { zeroed() })
    }

    #[doc(hidden)]
    pub const fn new(
        cmd: u32,
        flags: u32,
        func: unsafe extern "C" fn(
            *mut bindings::drm_device,
            *mut core::ffi::c_void,
            *mut bindings::drm_file,
        ) -> core::ffi::c_int,
    ) -> Self {
        Self(bindings::drm_ioctl_desc {
            cmd,
            flags,
            func: Some(func),
            name: ptr::null(),
        })
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! drm_ioctl_descriptor {
    ($nr:expr, $arg:ty, $flags:expr, $handler:expr) => {{
        /// # Safety
        ///
        /// DRM core calls this with its device, its copy of an argument of the size that the
        /// number carries, and an open file.
        unsafe extern "C" fn call(
            device: *mut $crate::__kernel_abi::bindings::drm_device,
            arg: *mut ::core::ffi::c_void,
            file: *mut $crate::__kernel_abi::bindings::drm_file,
        ) -> ::core::ffi::c_int {
            // SAFETY: by this function's contract; the table belongs to the driver whose device and
            // file types the handler takes, and the argument is plain data.
            let (device, arg, file) = unsafe {
                (
                    $crate::Device::from_raw(device),
                    &mut *arg.cast::<$arg>(),
                    $crate::File::from_raw(file),
                )
            };
            let result: $crate::__kernel_abi::error::Result<u32> = $handler(device, arg, file);
            match result {
                Ok(value) => value as ::core::ffi::c_int,
                Err(error) => error.to_errno(),
            }
        }
        $crate::ioctl::DrmIoctlDescriptor::new(
            $crate::ioctl::iowr($nr, size_of::<$arg>()),
            $flags,
            call,
        )
    }};
}
