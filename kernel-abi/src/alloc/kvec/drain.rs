// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Taking all values out of a vector that keeps its memory.
#![allow(unsafe_code)] // moves values out of memory

use super::Vec;
use crate::alloc::Allocator;
use core::{ptr, slice};

/// Gives out all values of a vector, from [`Vec::drain_all`].
///
/// ```
/// use kernel_abi::alloc::{flags::GFP_KERNEL, KVec};
///
/// let mut pending = KVec::from_elem(7, 3, GFP_KERNEL)?;
/// let room = pending.capacity();
/// assert_eq!(pending.drain_all().next(), Some(7));
/// assert_eq!((pending.len(), pending.capacity()), (0, room));
/// # Ok::<(), kernel_abi::alloc::AllocError>(())
/// ```
///
/// # Invariants
///
/// What the iterator has not given out yet is valid, and counted by nobody else.
pub struct DrainAll<'a, T> {
    values: slice::IterMut<'a, T>,
}

impl<'a, T> DrainAll<'a, T> {
    pub(super) fn new<A: Allocator>(vec: &'a mut Vec<T, A>) -> Self {
        let len = core::mem::take(&mut vec.len);
        // INVARIANT: the vector counts none of them any more.
        Self {
            // SAFETY: the first `len` values are valid.
            values: unsafe { slice::from_raw_parts_mut(vec.as_mut_ptr(), len) }.iter_mut(),
        }
    }
}

impl<T> Iterator for DrainAll<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let value = self.values.next()?;
        // SAFETY: valid, and from here on the caller's.
        Some(unsafe { ptr::read(value) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.values.size_hint()
    }
}

impl<T> Drop for DrainAll<'_, T> {
    fn drop(&mut self) {
        let rest = core::mem::take(&mut self.values).into_slice();
        // SAFETY: by the type invariant; this is the end of it.
        unsafe { ptr::drop_in_place(rest) };
    }
}
