// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Vectors that are filled with copies.
#![allow(unsafe_code)] // appends where there is room

use super::Vec;
use crate::alloc::{flags::__GFP_ZERO, AllocError, Allocator, Flags};
use pinned_init::Zeroable;

impl<T: Clone, A: Allocator> Vec<T, A> {
    /// A vector of `len` copies of `value`.
    pub fn from_elem(value: T, len: usize, flags: Flags) -> Result<Self, AllocError> {
        let mut vec = Self::with_capacity(len, flags)?;
        vec.extend_with(len, value, flags)?;
        Ok(vec)
    }

    /// Appends copies of `values`.
    pub fn extend_from_slice(&mut self, values: &[T], flags: Flags) -> Result<(), AllocError> {
        self.reserve(values.len(), flags)?;
        for value in values {
            // SAFETY: room for all was made.
            unsafe { self.push_unchecked(value.clone()) };
        }
        Ok(())
    }

    /// Appends `count` copies of `value`.
    pub fn extend_with(&mut self, count: usize, value: T, flags: Flags) -> Result<(), AllocError> {
        self.reserve(count, flags)?;
        for _ in 1..count {
            // SAFETY: room for all was made.
            unsafe { self.push_unchecked(value.clone()) };
        }
        if count > 0 {
            // SAFETY: as above.
            unsafe { self.push_unchecked(value) };
        }
        Ok(())
    }

    /// Grows with copies of `value`, or shrinks, to `len` values.
    pub fn resize(&mut self, len: usize, value: T, flags: Flags) -> Result<(), AllocError> {
        match len.checked_sub(self.len) {
            Some(more) => self.extend_with(more, value, flags),
            None => {
                self.truncate(len);
                Ok(())
            }
        }
    }
}

impl<T: Zeroable, A: Allocator> Vec<T, A> {
    /// A vector of `len` values of zeros.
    pub fn zeroed(len: usize, flags: Flags) -> Result<Self, AllocError> {
        let mut vec = Self::with_capacity(len, flags | __GFP_ZERO)?;
        // SAFETY: the memory is new and all zeros, which are valid by `Zeroable`.
        unsafe { vec.inc_len(len) };
        Ok(vec)
    }
}
