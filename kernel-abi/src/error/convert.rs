// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Errors of Rust's own as errnos, so that `?` works on them.

use super::{code, Error};
use core::{alloc::LayoutError, convert::Infallible, ffi, fmt, num, str::Utf8Error};

macro_rules! as_errno {
    ($($error:ty => $errno:ident;)*) => {
        $(
            #[doc = concat!("`", stringify!($errno), "`")]
            impl From<$error> for Error {
                fn from(_: $error) -> Self {
                    code::$errno
                }
            }
        )*
    };
}

as_errno! {
    crate::alloc::AllocError => ENOMEM;
    LayoutError => ENOMEM;
    Utf8Error => EINVAL;
    ffi::FromBytesUntilNulError => EINVAL;
    ffi::FromBytesWithNulError => EINVAL;
    fmt::Error => EINVAL;
    num::ParseIntError => EINVAL;
    num::TryFromIntError => EINVAL;
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
