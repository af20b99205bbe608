// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Why a vector did not take or give a value.

use crate::error::{code::EINVAL, Error};
use core::fmt;

/// [`Vec::push_within_capacity`](super::Vec::push_within_capacity) found no room; holds the value. As an errno it is `EINVAL`:
/// memory would have been there.
///
/// ```
/// use kernel_abi::alloc::{flags::GFP_KERNEL, kvec::PushError, KVec};
///
/// let mut full = KVec::with_capacity(1, GFP_KERNEL)?;
/// full.push(1, GFP_KERNEL)?;
/// let PushError(back) = full.push_within_capacity(2).unwrap_err();
/// assert_eq!(back, 2);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
pub struct PushError<T>(pub T);

/// [`Vec::insert_within_capacity`](super::Vec::insert_within_capacity) did not take the value. As an errno it is `EINVAL`.
///
/// ```
/// use kernel_abi::alloc::{kvec::InsertError, KVec};
///
/// let mut empty = KVec::new();
/// assert!(matches!(empty.insert_within_capacity(1, 'x'), Err(InsertError::IndexOutOfBounds('x'))));
/// assert!(matches!(empty.insert_within_capacity(0, 'x'), Err(InsertError::OutOfCapacity('x'))));
/// ```
pub enum InsertError<T> {
    /// There is no such place.
    IndexOutOfBounds(T),
    /// There is no room.
    OutOfCapacity(T),
}

/// [`Vec::remove`](super::Vec::remove) found no value at the index. As an errno it is `EINVAL`.
///
/// ```
/// use kernel_abi::{alloc::{kvec::RemoveError, KVec}, error::{code::EINVAL, Error}};
///
/// let error: RemoveError = KVec::<u8>::new().remove(0).unwrap_err();
/// assert_eq!(Error::from(error), EINVAL);
/// ```
pub struct RemoveError;

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the vector is full")
    }
}

impl<T> fmt::Debug for InsertError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IndexOutOfBounds(_) => "the index is behind the end",
            Self::OutOfCapacity(_) => "the vector is full",
        })
    }
}

impl fmt::Debug for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no value has this index")
    }
}

impl<T> From<PushError<T>> for Error {
    fn from(_: PushError<T>) -> Self {
        EINVAL
    }
}

impl<T> From<InsertError<T>> for Error {
    fn from(_: InsertError<T>) -> Self {
        EINVAL
    }
}

impl From<RemoveError> for Error {
    fn from(_: RemoveError) -> Self {
        EINVAL
    }
}
