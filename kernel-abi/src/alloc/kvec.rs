// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vector whose growth may fail.
//!
//! Follows `rust/kernel/alloc/kvec.rs` of Linux.
#![allow(unsafe_code)] // owns raw memory

mod drain;
mod errors;
mod fill;
mod into_iter;
#[cfg(all(test, home = "hosted"))]
mod model_tests;
#[cfg(all(test, home = "hosted"))]
mod tests;
mod traits;

pub use drain::DrainAll;
pub use errors::{InsertError, PushError, RemoveError};
pub use into_iter::IntoIter;

use super::{AllocError, Allocator, Flags, KVmalloc, Kmalloc, Vmalloc};
use core::{
    alloc::Layout,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ptr::{self, NonNull},
    slice,
};

/// Owns a run of values on the heap, in memory of an allocator. Named through [`KVec`], [`VVec`] and [`KVVec`].
///
/// It is used as a slice. What may need more memory takes [`Flags`], sleeps if they say that it may, and fails with
/// [`AllocError`], which changes nothing.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KVec}, error::Error};
///
/// let mut handles = KVec::with_capacity(2, GFP_KERNEL)?;
/// handles.push(3, GFP_KERNEL)?;
/// handles.extend_from_slice(&[5, 7], GFP_KERNEL)?;
/// handles.insert_within_capacity(0, 1)?;
/// assert_eq!(handles, [1, 3, 5, 7]);
/// assert_eq!((handles.remove(1)?, handles.pop()), (3, Some(7)));
/// handles.retain(|handle| *handle > 1);
/// assert_eq!((handles.len(), handles.first()), (1, Some(&5)));
/// handles.resize(3, 0, GFP_KERNEL)?;
/// assert_eq!(handles.iter().sum::<i32>(), 5);
/// let doubled = handles.into_iter().map(|handle| handle * 2);
/// assert!(doubled.eq([10, 0, 0]));
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// With `capacity` above zero `ptr` is memory of `A` for that many values, of
/// which the first `len` are valid. Types without size are never allocated and have no limit.
pub struct Vec<T, A: Allocator> {
    ptr: NonNull<T>,
    capacity: usize,
    len: usize,
    _owns: PhantomData<(A, T)>,
}

/// A [`Vec`] in memory of [`Kmalloc`].
pub type KVec<T> = Vec<T, Kmalloc>;
/// A [`Vec`] in memory of [`Vmalloc`].
pub type VVec<T> = Vec<T, Vmalloc>;
/// A [`Vec`] in memory of [`KVmalloc`].
pub type KVVec<T> = Vec<T, KVmalloc>;

// SAFETY: it owns its values.
unsafe impl<T: Send, A: Allocator> Send for Vec<T, A> {}
// SAFETY: as above.
unsafe impl<T: Sync, A: Allocator> Sync for Vec<T, A> {}
// The values stay in place when the vector moves, and cannot be pinned in it.
impl<T, A: Allocator> Unpin for Vec<T, A> {}

impl<T, A: Allocator> Default for Vec<T, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, A: Allocator> Vec<T, A> {
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

    /// How many values there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True when there is no value.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values.
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: by the type invariant.
        unsafe { slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }

    /// All values, to change them.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: by the type invariant.
        unsafe { slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }

    /// The address of the first value; dangling in a vector without memory.
    pub const fn as_ptr(&self) -> *const T {
        self.ptr.as_ptr()
    }

    /// As [`Vec::as_ptr`], to write.
    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.ptr.as_ptr()
    }

    /// The room behind the values; what is written there counts after [`Vec::inc_len`].
    pub fn spare_capacity_mut(&mut self) -> &mut [MaybeUninit<T>] {
        let room = self.capacity() - self.len;
        // SAFETY: within the memory, by the type invariant.
        unsafe { slice::from_raw_parts_mut(self.ptr.as_ptr().add(self.len).cast(), room) }
    }

    /// Counts `additional` more values.
    ///
    /// # Safety
    ///
    /// There is room for them, and they have been written.
    pub const unsafe fn inc_len(&mut self, additional: usize) {
        self.len += additional;
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
        let old = (self.capacity != 0).then_some(self.ptr.cast());
        // SAFETY: by the type invariant there is memory when the capacity is not zero.
        let memory = unsafe { A::realloc(old, layout, self.layout(), flags)? };
        self.ptr = memory.cast();
        self.capacity = capacity;
        Ok(())
    }

    /// The layout of the memory.
    const fn layout(&self) -> Layout {
        match Layout::array::<T>(self.capacity) {
            Ok(layout) => layout,
            // It was valid when the memory was allocated.
            Err(_) => Layout::new::<()>(),
        }
    }

    /// Appends a value.
    pub fn push(&mut self, value: T, flags: Flags) -> Result<(), AllocError> {
        self.reserve(1, flags)?;
        // SAFETY: there is room for one more.
        unsafe { self.push_unchecked(value) };
        Ok(())
    }

    /// Appends a value if there is room; gives it back if not.
    pub fn push_within_capacity(&mut self, value: T) -> Result<(), PushError<T>> {
        if self.len == self.capacity() {
            return Err(PushError(value));
        }
        // SAFETY: there is room for one more.
        unsafe { self.push_unchecked(value) };
        Ok(())
    }

    /// # Safety
    ///
    /// There is room for one more value.
    unsafe fn push_unchecked(&mut self, value: T) {
        // SAFETY: by this function's contract.
        unsafe { self.ptr.as_ptr().add(self.len).write(value) };
        self.len += 1;
    }

    /// Puts a value before value `index`, or at the end, if there is room; gives it back if not.
    pub fn insert_within_capacity(&mut self, index: usize, value: T) -> Result<(), InsertError<T>> {
        if index > self.len {
            return Err(InsertError::IndexOutOfBounds(value));
        }
        if self.len == self.capacity() {
            return Err(InsertError::OutOfCapacity(value));
        }
        // SAFETY: the index is within the values, and there is room for one more.
        unsafe {
            let at = self.ptr.as_ptr().add(index);
            at.copy_to(at.add(1), self.len - index);
            at.write(value);
        }
        self.len += 1;
        Ok(())
    }

    /// Takes the last value.
    pub fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the value was valid and is not counted any more.
        Some(unsafe { self.ptr.as_ptr().add(self.len).read() })
    }

    /// Takes value `index` out; those behind it move up.
    pub fn remove(&mut self, index: usize) -> Result<T, RemoveError> {
        if index >= self.len {
            return Err(RemoveError);
        }
        self.len -= 1;
        // SAFETY: the index is within the values.
        Ok(unsafe {
            let at = self.ptr.as_ptr().add(index);
            let value = at.read();
            at.copy_from(at.add(1), self.len - index);
            value
        })
    }

    /// Takes value `index` out and puts the last one in its place; `None` when there is none. Upstream has no
    /// such function.
    pub fn swap_remove(&mut self, index: usize) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        if index > last {
            return None;
        }
        self.swap(index, last);
        self.pop()
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

    /// Takes all values out; keeps the memory. What is not taken from the iterator is dropped with it.
    pub fn drain_all(&mut self) -> DrainAll<'_, T> {
        DrainAll::new(self)
    }

    /// Keeps the values that `keep` wants, in their order, and drops the others.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let mut kept = 0;
        for index in 0..self.len {
            if keep(&mut self[index]) {
                self.swap(kept, index);
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    /// Gives memory and values to the caller: address, length, capacity.
    pub fn into_raw_parts(self) -> (*mut T, usize, usize) {
        let this = ManuallyDrop::new(self);
        (this.ptr.as_ptr(), this.len, this.capacity())
    }

    /// Takes memory and values back.
    ///
    /// # Safety
    ///
    /// They are from [`Vec::into_raw_parts`] with the same allocator and are not used any more; the length may be
    /// another, if the first `len` values are valid.
    pub const unsafe fn from_raw_parts(ptr: *mut T, len: usize, capacity: usize) -> Self {
        Self {
            // SAFETY: `into_raw_parts` gives no null pointer.
            ptr: unsafe { NonNull::new_unchecked(ptr) },
            capacity: if Self::IS_SIZELESS { 0 } else { capacity },
            len,
            _owns: PhantomData,
        }
    }
}

impl<T, A: Allocator> Drop for Vec<T, A> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        unsafe { ptr::drop_in_place(self.as_mut_slice()) };
        if self.capacity != 0 {
            // SAFETY: by the type invariant.
            unsafe { A::free(self.ptr.cast(), self.layout()) };
        }
    }
}
