// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vector whose growth may fail.
#![allow(unsafe_code)] // owns raw memory

use super::{AllocError, Flags};
use crate::sys;
use core::{
    alloc::Layout,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
};

/// Owns a run of values on the heap.
///
/// # Invariants
///
/// With `capacity` above zero `ptr` is an allocation of `sys::alloc` for that many values, of
/// which the first `len` are valid. Types without size are never allocated and have no limit.
pub struct KVec<T> {
    ptr: NonNull<T>,
    capacity: usize,
    len: usize,
    _owns: PhantomData<T>,
}

// SAFETY: it owns its values.
unsafe impl<T: Send> Send for KVec<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for KVec<T> {}

impl<T> Default for KVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> KVec<T> {
    const IS_SIZELESS: bool = size_of::<T>() == 0;

    /// An empty vector; allocates nothing.
    pub const fn new() -> Self {
        Self {
            ptr: NonNull::dangling(),
            capacity: 0,
            len: 0,
            _owns: PhantomData,
        }
    }

    /// An empty vector with room for `capacity` values.
    pub fn with_capacity(capacity: usize, flags: Flags) -> Result<Self, AllocError> {
        let mut vec = Self::new();
        vec.grow_to(capacity, flags)?;
        Ok(vec)
    }

    /// How many values there is room for.
    pub const fn capacity(&self) -> usize {
        if Self::IS_SIZELESS {
            usize::MAX
        } else {
            self.capacity
        }
    }

    /// Makes room for `additional` more values.
    pub fn reserve(&mut self, additional: usize, flags: Flags) -> Result<(), AllocError> {
        let needed = self.len.checked_add(additional).ok_or(AllocError)?;
        if needed <= self.capacity() {
            return Ok(());
        }
        // Doubling, so that pushing is O(1) in the mean.
        let wanted = needed.max(self.capacity.saturating_mul(2)).max(4);
        self.grow_to(wanted, flags)
    }

    fn grow_to(&mut self, capacity: usize, flags: Flags) -> Result<(), AllocError> {
        if capacity <= self.capacity() {
            return Ok(());
        }
        let layout = Layout::array::<T>(capacity).map_err(|_| AllocError)?;
        let memory = if self.capacity == 0 {
            sys::alloc::alloc(layout, flags)?
        } else {
            let old = Layout::array::<T>(self.capacity).map_err(|_| AllocError)?;
            // SAFETY: by the type invariant, and `layout` was checked for overflow.
            unsafe { sys::alloc::realloc(self.ptr.cast(), old, layout.size(), flags)? }
        };
        self.ptr = memory.cast();
        self.capacity = capacity;
        Ok(())
    }

    /// Appends a value.
    pub fn push(&mut self, value: T, flags: Flags) -> Result<(), AllocError> {
        self.reserve(1, flags)?;
        // SAFETY: there is room for one more.
        unsafe { self.ptr.as_ptr().add(self.len).write(value) };
        self.len += 1;
        Ok(())
    }

    /// Takes the last value.
    pub fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the value was valid and is not counted any more.
        Some(unsafe { self.ptr.as_ptr().add(self.len).read() })
    }

    /// Drops all values behind the first `len`; keeps the memory.
    pub fn truncate(&mut self, len: usize) {
        while self.len > len {
            drop(self.pop());
        }
    }

    /// Drops all values; keeps the memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Takes value `index` out and puts the last one in its place; `None` when there is none.
    pub fn swap_remove(&mut self, index: usize) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        if index > last {
            return None;
        }
        self.swap(index, last);
        self.pop()
    }
}

impl<T: Clone> KVec<T> {
    /// Appends copies of `values`.
    pub fn extend_from_slice(&mut self, values: &[T], flags: Flags) -> Result<(), AllocError> {
        self.reserve(values.len(), flags)?;
        for value in values {
            self.push(value.clone(), flags)?;
        }
        Ok(())
    }

    /// Grows with copies of `value`, or shrinks, to `len` values.
    pub fn resize(&mut self, len: usize, value: T, flags: Flags) -> Result<(), AllocError> {
        self.truncate(len);
        self.reserve(len - self.len, flags)?;
        while self.len < len {
            self.push(value.clone(), flags)?;
        }
        Ok(())
    }
}

impl<T> Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: by the type invariant.
        unsafe { slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for KVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: by the type invariant.
        unsafe { slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl<T> Drop for KVec<T> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        unsafe { ptr::drop_in_place(ptr::from_mut::<[T]>(&mut **self)) };
        if self.capacity != 0 {
            // PANIC: the layout was valid when the memory was allocated.
            if let Ok(layout) = Layout::array::<T>(self.capacity) {
                // SAFETY: by the type invariant.
                unsafe { sys::alloc::free(self.ptr.cast(), layout) };
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for KVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}
