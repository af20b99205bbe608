// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Errors: an errno that cannot be zero.
//!
//! C headers: `include/uapi/asm-generic/errno*.h`, `include/linux/err.h`. The numbers are those of
//! Linux on x86-64, in both homes.

use core::{fmt, num::NonZeroI32};

/// An errno, stored negative as C returns it.
///
/// # Invariants
///
/// Between -4095 and -1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroI32);

/// A result whose error is an errno.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

/// Largest errno (`MAX_ERRNO`).
const MAX_ERRNO: i32 = 4095;

macro_rules! codes {
    ($($name:ident = $number:literal, $doc:literal;)*) => {
        /// The errnos that are used here.
        pub mod code {
            use super::Error;
            $(
                #[doc = $doc]
                pub const $name: Error = Error::constant(-$number);
            )*
        }

        impl Error {
            /// The errno's name, if it is one of [`code`].
            pub const fn name(&self) -> Option<&'static str> {
                match -self.0.get() {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    EPERM = 1, "Operation not permitted.";
    ENOENT = 2, "No such file or directory.";
    EINTR = 4, "Interrupted system call.";
    EIO = 5, "I/O error.";
    E2BIG = 7, "Argument list too long.";
    EBADF = 9, "Bad file number.";
    EAGAIN = 11, "Try again.";
    ENOMEM = 12, "Out of memory.";
    EACCES = 13, "Permission denied.";
    EFAULT = 14, "Bad address.";
    EBUSY = 16, "Device or resource busy.";
    EEXIST = 17, "File exists.";
    ENODEV = 19, "No such device.";
    EINVAL = 22, "Invalid argument.";
    EMFILE = 24, "Too many open files.";
    ENOTTY = 25, "Not a typewriter: no such ioctl.";
    ENOSPC = 28, "No space left on device.";
    ERANGE = 34, "Numerical result out of range.";
    EPROTO = 71, "Protocol error.";
    EOVERFLOW = 75, "Value too large for defined data type.";
    EOPNOTSUPP = 95, "Operation not supported.";
    ETIMEDOUT = 110, "Connection timed out.";
    ECANCELED = 125, "Operation cancelled.";
    ERESTARTSYS = 512, "Restart the system call; never seen by a program.";
}

impl Error {
    const fn constant(errno: i32) -> Self {
        match NonZeroI32::new(errno) {
            Some(errno) => Self(errno),
            // PANIC: evaluated at compile time, for the table above.
            None => panic!("zero is no errno"),
        }
    }

    /// The error of a C return value below zero; a number that is no errno becomes `EINVAL`.
    pub const fn from_errno(errno: i32) -> Self {
        match NonZeroI32::new(errno) {
            Some(valid) if errno < 0 && errno >= -MAX_ERRNO => Self(valid),
            _ => code::EINVAL,
        }
    }

    /// What C returns for it: below zero.
    pub const fn to_errno(self) -> i32 {
        self.0.get()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
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

impl From<crate::alloc::AllocError> for Error {
    fn from(_: crate::alloc::AllocError) -> Self {
        code::ENOMEM
    }
}

impl From<core::num::TryFromIntError> for Error {
    fn from(_: core::num::TryFromIntError) -> Self {
        code::EINVAL
    }
}

impl From<core::convert::Infallible> for Error {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

/// Turns a C return value, an errno when below zero, into a result.
pub const fn to_result(value: i32) -> Result {
    if value < 0 {
        Err(Error::from_errno(value))
    } else {
        Ok(())
    }
}

/// Turns a C pointer, an errno in the last page of the address space, into a result.
pub fn from_err_ptr<T>(ptr: *mut T) -> Result<*mut T> {
    let address = ptr.addr() as isize;
    if (-(MAX_ERRNO as isize)..0).contains(&address) {
        return Err(Error::from_errno(address as i32));
    }
    Ok(ptr)
}

/// Runs `call` and turns its result into a C return value.
pub fn from_result(call: impl FnOnce() -> Result<i32>) -> i32 {
    call().unwrap_or_else(Error::to_errno)
}

#[cfg(test)]
mod tests {
    use super::{code::*, *};

    #[test]
    fn return_values_become_results() {
        assert_eq!(to_result(0), Ok(()));
        assert_eq!(to_result(7), Ok(()));
        assert_eq!(to_result(-12), Err(ENOMEM));
        assert_eq!(Error::from_errno(-5000), EINVAL);
        assert_eq!(Error::from_errno(3), EINVAL);
        assert_eq!(from_result(|| Err(EBUSY)), -16);
        assert_eq!(from_result(|| Ok(3)), 3);
    }

    #[test]
    fn error_pointers_are_the_last_page() {
        let error = core::ptr::without_provenance_mut::<u8>(-12isize as usize);
        assert_eq!(from_err_ptr(error), Err(ENOMEM));
        let edge = core::ptr::without_provenance_mut::<u8>(-4096isize as usize);
        assert_eq!(from_err_ptr(edge), Ok(edge));
        assert!(from_err_ptr(core::ptr::null_mut::<u8>()).is_ok());
    }

    #[test]
    fn names_are_shown() {
        extern crate std;
        assert_eq!(
            std::format!("{ENOSPC} {:?}", Error::from_errno(-4000)),
            "ENOSPC Error(-4000)"
        );
    }
}
