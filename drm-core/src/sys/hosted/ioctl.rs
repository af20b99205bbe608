// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Ioctl tables and dispatch.

use super::file::File;
use crate::{
    file::DriverFile,
    ioctl::{iowr_checked, RENDER_ALLOW},
};
use core::{any::TypeId, ptr};
use kernel_abi::error::{
    code::{EACCES, EINVAL},
    to_result, Result,
};

/// A handler with its types erased: device and file through the file, argument.
type Handler = unsafe fn(file: *const (), arg: *mut ()) -> i32;

/// One entry of a driver's table.
#[derive(Clone, Copy)]
pub struct DrmIoctlDescriptor {
    cmd: u32,
    flags: u32,
    func: Option<Handler>,
    arg: fn() -> TypeId,
}

impl DrmIoctlDescriptor {
    /// An unknown ioctl.
    pub const fn gap() -> Self {
        Self {
            cmd: 0,
            flags: 0,
            func: None,
            arg: TypeId::of::<()>,
        }
    }

    #[doc(hidden)]
    pub const fn new(cmd: u32, flags: u32, func: Handler, arg: fn() -> TypeId) -> Self {
        Self {
            cmd,
            flags,
            func: Some(func),
            arg,
        }
    }
}

pub(super) fn call<F: DriverFile, A: 'static>(
    table: &[DrmIoctlDescriptor],
    file: &File<F>,
    nr: u32,
    arg: &mut A,
) -> Result<u32> {
    let entry = table.get(nr as usize).ok_or(EINVAL)?;
    let func = entry.func.ok_or(EINVAL)?;
    let is_declared = iowr_checked(nr, size_of::<A>()) == Some(entry.cmd);
    if !is_declared || (entry.arg)() != TypeId::of::<A>() {
        return Err(EINVAL);
    }
    if entry.flags & RENDER_ALLOW == 0 {
        return Err(EACCES);
    }
    // SAFETY: the table is that of the file's driver, and the argument has the type that the
    // handler was declared with.
    let value = unsafe { func(ptr::from_ref(file).cast(), ptr::from_mut(arg).cast()) };
    to_result(value)?;
    Ok(value as u32)
}

#[doc(hidden)]
#[macro_export]
macro_rules! drm_ioctl_descriptor {
    ($nr:expr, $arg:ty, $flags:expr, $handler:expr) => {{
        /// # Safety
        ///
        /// `file` is an open file of the driver, `arg` an argument of the declared type.
        unsafe fn call(file: *const (), arg: *mut ()) -> i32 {
            let handler: fn(&_, &mut $arg, &_) -> $crate::__kernel_abi::error::Result<u32> =
                $handler;
            // SAFETY: by this function's contract.
            let (file, arg) = unsafe { ($crate::File::erased(file), &mut *arg.cast::<$arg>()) };
            match handler(file.device(), arg, file) {
                Ok(value) => value as i32,
                Err(error) => error.to_errno(),
            }
        }
        $crate::ioctl::DrmIoctlDescriptor::new(
            $crate::ioctl::iowr($nr, size_of::<$arg>()),
            $flags,
            call,
            ::core::any::TypeId::of::<$arg>,
        )
    }};
}
