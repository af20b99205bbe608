// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Ioctl tables, who may call, and dispatch.

use super::file::{File, Minor};
use crate::{
    device::Device,
    driver::Driver,
    file::DriverFile,
    ioctl::{
        check_size, nr, Handler, AUTH, COMMANDS, COMMAND_BASE, MASTER, RENDER_ALLOW, ROOT_ONLY,
    },
};
use core::{
    any::TypeId,
    ptr::{self, NonNull},
};
use kernel_abi::{
    error::{
        code::{EACCES, EINVAL, ERANGE},
        to_result, Result,
    },
    transmute::{AsBytes, FromBytes},
};

/// A handler with its types erased: file, argument.
type Dispatch = unsafe fn(file: *const (), arg: *mut ()) -> i32;

/// One entry of a driver's table.
#[derive(Clone, Copy)]
pub struct DrmIoctlDescriptor {
    cmd: u32,
    flags: u32,
    func: Option<Dispatch>,
    arg: fn() -> TypeId,
}

impl DrmIoctlDescriptor {
    /// An unknown ioctl: `EINVAL`.
    pub const fn gap() -> Self {
        Self {
            cmd: 0,
            flags: 0,
            func: None,
            arg: TypeId::of::<()>,
        }
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
        Self {
            cmd,
            flags,
            func: Some(dispatch::<T, A, K, H>),
            arg: TypeId::of::<A>,
        }
    }
}

/// # Safety
///
/// `file` is an open file of `T`, `arg` an argument of the declared type.
unsafe fn dispatch<T: Driver, A, K, H: Handler<T, A, K>>(file: *const (), arg: *mut ()) -> i32 {
    // SAFETY: by this function's contract.
    let (file, arg) = unsafe { (&*file.cast::<File<T::File>>(), &mut *arg.cast::<A>()) };
    // SAFETY: a file is only opened while its device is registered.
    let device = unsafe { Device::assume_context(file.device()) };
    // SAFETY: a handler has no size, and `new` was given one: it is there.
    let handler = unsafe { NonNull::<H>::dangling().read() };
    match handler.handle(device, arg, file) {
        Ok(value) => i32::try_from(value).unwrap_or(ERANGE.to_errno()),
        Err(error) => error.to_errno(),
    }
}

/// Who may call, in the order in which DRM core checks (`drm_ioctl_permit()`).
fn permit<F: DriverFile>(flags: u32, file: &File<F>) -> Result {
    let is_render = file.minor() == Minor::Render;
    let refused = (flags & ROOT_ONLY != 0 && !file.is_admin())
        || (flags & AUTH != 0 && !is_render && !file.is_authenticated())
        || (flags & MASTER != 0 && !file.is_master())
        || (flags & RENDER_ALLOW == 0 && is_render);
    if refused {
        return Err(EACCES);
    }
    Ok(())
}

pub(super) fn call<F: DriverFile, A: FromBytes + AsBytes>(
    file: &File<F>,
    cmd: u32,
    arg: &mut A,
) -> Result<u32> {
    let index = nr(cmd).checked_sub(COMMAND_BASE).ok_or(EINVAL)?;
    if index >= COMMANDS {
        return Err(EINVAL);
    }
    let table = <F::Driver as Driver>::IOCTLS;
    let entry = table.get(index as usize).ok_or(EINVAL)?;
    let func = entry.func.ok_or(EINVAL)?;
    if entry.cmd != cmd || (entry.arg)() != TypeId::of::<A>() {
        return Err(EINVAL);
    }
    permit(entry.flags, file)?;
    // SAFETY: the table is that of the file's driver, and the argument has the type that the
    // handler was declared with.
    let value = unsafe { func(ptr::from_ref(file).cast(), ptr::from_mut(arg).cast()) };
    to_result(value)?;
    Ok(value as u32)
}
