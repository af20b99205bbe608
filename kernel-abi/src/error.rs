// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Errors: an errno that cannot be zero.
//!
//! Follows `rust/kernel/error.rs` of Linux. C headers: `include/linux/err.h` and those of [`code`].
//!
//! | C | here |
//! |---|---|
//! | returns 0 or `-errno` | [`to_result`] |
//! | returns a pointer or `ERR_PTR()` | [`from_err_ptr`] |
//! | calls back and wants 0 or `-errno` | [`from_result`] |
//!
//! Nothing here sleeps; all of it may be used in any context.

pub mod code;
mod convert;
#[cfg(test)]
mod tests;

use core::{
    ffi::{c_int, CStr},
    fmt,
    num::NonZeroI32,
    ptr,
};

/// An errno, stored negative as C returns it.
///
/// ```
/// use kernel_abi::error::{code::EBUSY, Error};
///
/// let error = Error::from_errno(-16);
/// assert_eq!(error, EBUSY);
/// assert_eq!(error.to_errno(), -16);
/// assert_eq!(error.name(), Some(c"EBUSY"));
/// ```
///
/// # Invariants
///
/// Between `-MAX_ERRNO` (-4095) and -1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroI32);

/// A result whose error is an errno.
///
/// ```
/// use kernel_abi::error::{code::EINVAL, Result};
///
/// fn half(value: u32) -> Result<u32> {
///     if value % 2 == 0 { Ok(value / 2) } else { Err(EINVAL) }
/// }
/// assert_eq!(half(4), Ok(2));
/// assert_eq!(half(5), Err(EINVAL));
/// ```
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

/// Largest errno (`MAX_ERRNO`).
const MAX_ERRNO: c_int = 4095;

impl Error {
    const fn constant(errno: c_int) -> Self {
        match NonZeroI32::new(errno) {
            Some(errno) => Self(errno),
            // PANIC: evaluated at compile time, for the constants.
            None => panic!("zero is no errno"),
        }
    }

    /// The error of a C return value below zero; a number that is no errno becomes `EINVAL`.
    pub const fn from_errno(errno: c_int) -> Self {
        match NonZeroI32::new(errno) {
            Some(valid) if errno < 0 && errno >= -MAX_ERRNO => Self(valid),
            _ => code::EINVAL,
        }
    }

    /// What C returns for it: below zero.
    pub const fn to_errno(self) -> c_int {
        self.0.get()
    }

    /// The pointer that C returns for it (`ERR_PTR()`); it must not be read through.
    pub const fn to_ptr<T>(self) -> *mut T {
        ptr::without_provenance_mut(self.0.get() as isize as usize)
    }

    /// The errno's name (`errname()`), if it is one of [`code`]; of numbers with two names the first.
    pub const fn name(&self) -> Option<&'static CStr> {
        code::name(-self.0.get())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name().and_then(|name| name.to_str().ok()) {
            Some(name) => f.write_str(name),
            None => write!(f, "Error({})", self.0),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for Error {}

/// Turns a C return value, an errno when below zero, into a result.
///
/// ```
/// use kernel_abi::error::{code::ENOMEM, to_result};
///
/// assert_eq!(to_result(0), Ok(()));
/// assert_eq!(to_result(-12), Err(ENOMEM));
/// ```
pub const fn to_result(value: c_int) -> Result {
    if value < 0 {
        Err(Error::from_errno(value))
    } else {
        Ok(())
    }
}

/// Turns a C pointer, an errno in the last page of the address space (`IS_ERR()`), into a result. A null
/// pointer is `Ok`, as it is in C.
///
/// ```
/// use kernel_abi::error::{code::ENODEV, from_err_ptr};
///
/// let good = &raw mut *Box::new(7);
/// assert_eq!(from_err_ptr(good), Ok(good));
/// assert_eq!(from_err_ptr(ENODEV.to_ptr::<u32>()), Err(ENODEV));
/// ```
pub fn from_err_ptr<T>(ptr: *mut T) -> Result<*mut T> {
    let address = ptr.addr() as isize;
    if (-(MAX_ERRNO as isize)..0).contains(&address) {
        return Err(Error::from_errno(address as c_int));
    }
    Ok(ptr)
}

/// Runs what a C callback does and turns its result into a C return value, of any type that has room for an
/// errno.
///
/// ```
/// use kernel_abi::error::{code::EIO, from_result};
/// use std::ffi::{c_int, c_long};
///
/// extern "C" fn read(count: c_int) -> c_long {
///     from_result(|| if count == 0 { Err(EIO) } else { Ok(count.into()) })
/// }
/// assert_eq!((read(0), read(3)), (-5, 3));
/// ```
pub fn from_result<T: From<i16>>(call: impl FnOnce() -> Result<T>) -> T {
    // An errno has room in 16 bits, by the type invariant.
    call().unwrap_or_else(|error| T::from(error.to_errno() as i16))
}
