// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vector used as a slice, and the macro that makes one.
#![allow(unsafe_code)] // takes a box's memory over

use super::Vec;
use crate::alloc::{Allocator, Box};
use core::{
    borrow::{Borrow, BorrowMut},
    fmt,
    ops::{Deref, DerefMut},
    slice,
};

impl<T, A: Allocator> Deref for Vec<T, A> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T, A: Allocator> DerefMut for Vec<T, A> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.as_mut_slice()
    }
}

impl<T, A: Allocator> Borrow<[T]> for Vec<T, A> {
    fn borrow(&self) -> &[T] {
        self
    }
}

impl<T, A: Allocator> BorrowMut<[T]> for Vec<T, A> {
    fn borrow_mut(&mut self) -> &mut [T] {
        self
    }
}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for Vec<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl<'a, T, A: Allocator> IntoIterator for &'a Vec<T, A> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> slice::Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T, A: Allocator> IntoIterator for &'a mut Vec<T, A> {
    type Item = &'a mut T;
    type IntoIter = slice::IterMut<'a, T>;

    fn into_iter(self) -> slice::IterMut<'a, T> {
        self.iter_mut()
    }
}

impl<T, A: Allocator, const N: usize> From<Box<[T; N], A>> for Vec<T, A> {
    /// The values stay where they are.
    fn from(values: Box<[T; N], A>) -> Self {
        // SAFETY: an array's layout is that of `N` values.
        unsafe { Self::from_raw_parts(Box::into_raw(values).cast(), N, N) }
    }
}

impl<T: Eq, A: Allocator> Eq for Vec<T, A> {}

macro_rules! equal {
    ($([$($generics:tt)*] $left:ty, $right:ty;)*) => {
        $(
            impl<T: PartialEq<U>, U, $($generics)*> PartialEq<$right> for $left {
                fn eq(&self, other: &$right) -> bool {
                    self[..] == other[..]
                }
            }
        )*
    };
}

equal! {
    [A: Allocator, B: Allocator] Vec<T, A>, Vec<U, B>;
    [A: Allocator] Vec<T, A>, [U];
    [A: Allocator] Vec<T, A>, &[U];
    [A: Allocator] Vec<T, A>, &mut [U];
    [A: Allocator, const N: usize] Vec<T, A>, [U; N];
    [A: Allocator, const N: usize] Vec<T, A>, &[U; N];
    [A: Allocator] [T], Vec<U, A>;
    [A: Allocator] &[T], Vec<U, A>;
}

/// Makes a [`KVec`](crate::alloc::KVec) of values, or of copies of one, with `GFP_KERNEL`: may sleep. A result, as there may
/// be no memory; only the empty vector is one without.
///
/// ```
/// use kernel_abi::kvec;
///
/// assert_eq!(kvec![1, 2, 3]?, [1, 2, 3]);
/// assert_eq!(kvec![0u8; 4]?, [0; 4]);
/// let none: kernel_abi::alloc::KVec<u8> = kvec![];
/// assert!(none.is_empty());
/// # Ok::<(), kernel_abi::alloc::AllocError>(())
/// ```
#[macro_export]
macro_rules! kvec {
    () => {
        $crate::alloc::KVec::new()
    };
    ($value:expr; $count:expr) => {
        $crate::alloc::KVec::from_elem($value, $count, $crate::alloc::flags::GFP_KERNEL)
    };
    ($($value:expr),+ $(,)?) => {
        $crate::alloc::KBox::new([$($value),+], $crate::alloc::flags::GFP_KERNEL)
            .map($crate::alloc::KVec::from)
    };
}
