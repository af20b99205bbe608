// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A module's parameters, on its command line.
//!
//! C header: `include/linux/moduleparam.h`. They are declared in [`module!`](crate::module!) and set before the
//! module is initialised. They do not appear in sysfs, so they never change afterwards.

use super::{bindings, module::ThisModule};
use crate::error::{code::EINVAL, Error, Result};
use core::{
    cell::UnsafeCell,
    ffi::{c_char, c_int, c_void, CStr},
    marker::PhantomData,
};

/// A type that a parameter may have: integers, `bool`, and types of your own.
pub trait ModuleParam: Copy + Sized + Sync {
    /// Reads `value`, what follows the `=`. An error ends the load, with a line that names module, parameter and value.
    fn try_from_param_arg(value: &CStr) -> Result<Self>;
}

macro_rules! integers {
    ($($kind:ty)*) => {$(
        /// Decimal, or with a prefix: `0x`, `0o`, `0b`. `EINVAL` for what is no number, or does not fit.
        impl ModuleParam for $kind {
            fn try_from_param_arg(value: &CStr) -> Result<Self> {
                let text = value.to_str().map_err(|_| EINVAL)?;
                let (digits, radix) = match text.get(..2) {
                    Some("0x" | "0X") => (&text[2..], 16),
                    Some("0o" | "0O") => (&text[2..], 8),
                    Some("0b" | "0B") => (&text[2..], 2),
                    _ => (text, 10),
                };
                // `0x-1` is no number.
                if radix != 10 && !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
                    return Err(EINVAL);
                }
                <$kind>::from_str_radix(digits, radix).map_err(|_| EINVAL)
            }
        }
    )*};
}

integers!(i8 u8 i16 u16 i32 u32 i64 u64 isize usize);

/// As `kstrtobool()`: `y`, `Y`, `t`, `T`, `1`, `on` and their opposites. No value at all means true.
impl ModuleParam for bool {
    fn try_from_param_arg(value: &CStr) -> Result<Self> {
        match value.to_bytes() {
            [] | [b'y' | b'Y' | b't' | b'T' | b'1', ..] | [b'o' | b'O', b'n' | b'N', ..] => {
                Ok(true)
            }
            [b'n' | b'N' | b'f' | b'F' | b'0', ..] | [b'o' | b'O', b'f' | b'F', ..] => Ok(false),
            _ => Err(EINVAL),
        }
    }
}

/// A parameter's value.
pub struct ModuleParamAccess<T: ModuleParam>(UnsafeCell<T>);

// SAFETY: it is written by the loader alone, before any code of the module runs.
unsafe impl<T: ModuleParam> Sync for ModuleParamAccess<T> {}

impl<T: ModuleParam> ModuleParamAccess<T> {
    /// A parameter that is not given on the command line.
    pub const fn new(default: T) -> Self {
        Self(UnsafeCell::new(default))
    }

    /// What was given, or the default. Any context.
    pub fn value(&self) -> T {
        // SAFETY: nobody writes any more when the module's code runs.
        unsafe { *self.0.get() }
    }
}

/// What the loader finds in `__param`. Only [`module!`](crate::module!) makes it.
#[doc(hidden)]
#[repr(transparent)]
pub struct KernelParam(bindings::kernel_param);

// SAFETY: nothing in it changes.
unsafe impl Sync for KernelParam {}

impl KernelParam {
    pub const fn new<T: ModuleParam>(
        name: &'static CStr,
        module: &'static ThisModule,
        value: &'static ModuleParamAccess<T>,
    ) -> Self {
        Self(bindings::kernel_param {
            name: name.as_ptr(),
            mod_: module.as_ptr(),
            ops: &raw const Ops::<T>::OPS.0,
            perm: 0,
            level: -1,
            flags: 0,
            __bindgen_anon_1: bindings::kernel_param__bindgen_ty_1 {
                arg: value.0.get().cast(),
            },
        })
    }
}

struct SyncOps(bindings::kernel_param_ops);

// SAFETY: nothing in it changes.
unsafe impl Sync for SyncOps {}

struct Ops<T>(PhantomData<T>);

impl<T: ModuleParam> Ops<T> {
    const OPS: &'static SyncOps = &SyncOps(bindings::kernel_param_ops {
        // A parameter without a value asks for the empty string.
        flags: bindings::KERNEL_PARAM_OPS_FL_NOARG,
        set: Some(Self::set),
        get: None,
        free: None,
    });

    /// # Safety
    ///
    /// Called by the loader with a zero-terminated value or null, and the parameter that this is the table of.
    unsafe extern "C" fn set(value: *const c_char, param: *const bindings::kernel_param) -> c_int {
        let text = match value.is_null() {
            true => c"",
            // SAFETY: zero-terminated, by this function's contract.
            false => unsafe { CStr::from_ptr(value) },
        };
        match T::try_from_param_arg(text) {
            Ok(value) => {
                // SAFETY: `arg` is the cell of a `ModuleParamAccess<T>`, and the module's code does not run yet.
                unsafe {
                    let place: *mut c_void = (*param).__bindgen_anon_1.arg;
                    place.cast::<T>().write(value);
                }
                0
            }
            Err(error) => Error::to_errno(error),
        }
    }
}
