// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Taking a vector apart.
#![allow(unsafe_code)] // moves values out of memory

use super::Vec;
use crate::alloc::{Allocator, Flags};
use core::{mem::ManuallyDrop, ptr};

/// Gives out the values of a vector, from its `into_iter()`, and frees the rest with the memory.
///
/// ```
/// use kernel_abi::alloc::{flags::GFP_KERNEL, KVec};
///
/// let mut values = KVec::from_elem(1, 3, GFP_KERNEL)?.into_iter();
/// assert_eq!((values.next(), values.len()), (Some(1), 2));
/// assert_eq!(values.collect(GFP_KERNEL), [1, 1]);
/// # Ok::<(), kernel_abi::alloc::AllocError>(())
/// ```
///
/// # Invariants
///
/// Of the values in the memory of `vec`, which counts none itself, those from `next` up to `end` are valid.
pub struct IntoIter<T, A: Allocator> {
    vec: Vec<T, A>,
    next: usize,
    end: usize,
}

impl<T, A: Allocator> IntoIter<T, A> {
    /// Makes a vector of what is left, in the same memory; it needs no more. Not `Iterator::collect`.
    pub fn collect(self, _flags: Flags) -> Vec<T, A> {
        let mut this = ManuallyDrop::new(self);
        let left = this.end - this.next;
        // SAFETY: those left are valid and within the memory; afterwards they are the first of it, and the vector is
        // taken out of what is not dropped.
        unsafe {
            let start = this.vec.as_mut_ptr();
            start.copy_from(start.add(this.next), left);
            let mut vec = ptr::read(&this.vec);
            vec.inc_len(left);
            vec
        }
    }
}

impl<T, A: Allocator> Iterator for IntoIter<T, A> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.next == self.end {
            return None;
        }
        // SAFETY: by the type invariant; from here on the value is the caller's.
        let value = unsafe { self.vec.as_ptr().add(self.next).read() };
        self.next += 1;
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.next;
        (left, Some(left))
    }
}

impl<T, A: Allocator> ExactSizeIterator for IntoIter<T, A> {}

impl<T, A: Allocator> Drop for IntoIter<T, A> {
    fn drop(&mut self) {
        let left = self.end - self.next;
        // SAFETY: by the type invariant; this is the end of it.
        unsafe {
            let start = self.vec.as_mut_ptr().add(self.next);
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(start, left));
        }
    }
}

impl<T, A: Allocator> IntoIterator for Vec<T, A> {
    type Item = T;
    type IntoIter = IntoIter<T, A>;

    fn into_iter(mut self) -> IntoIter<T, A> {
        let end = core::mem::take(&mut self.len);
        // INVARIANT: the vector counts none of them any more.
        IntoIter {
            vec: self,
            next: 0,
            end,
        }
    }
}
