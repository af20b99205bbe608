// SPDX-License-Identifier: GPL-2.0 OR MIT
//! References that the referred value counts itself.
#![allow(unsafe_code)] // pointers to values that C owns

use super::ForeignOwnable;
use core::{ffi::c_void, fmt, marker::PhantomData, mem::ManuallyDrop, ops::Deref, ptr::NonNull};

/// A value that counts its references itself, as many C structures do (`get_device()` and `put_device()`).
///
/// # Safety
///
/// The value lives at its address until [`AlwaysRefCounted::dec_ref`] has been called for every count. A type whose
/// values may exist without a count must not implement it.
pub unsafe trait AlwaysRefCounted {
    /// Adds a count.
    fn inc_ref(&self);

    /// Gives up a count; the last one frees the value.
    ///
    /// # Safety
    ///
    /// The caller has a count and does not use the value through it afterwards.
    unsafe fn dec_ref(this: NonNull<Self>);
}

/// One counted reference to a value: adds a count when cloned, gives it up when dropped.
///
/// ```
/// use kernel_abi::types::{ARef, AlwaysRefCounted};
/// use std::{cell::Cell, ptr::NonNull};
///
/// struct Device(Cell<u32>);
///
/// // SAFETY: the example's value outlives all references.
/// unsafe impl AlwaysRefCounted for Device {
///     fn inc_ref(&self) { self.0.set(self.0.get() + 1) }
///     unsafe fn dec_ref(this: NonNull<Self>) {
///         // SAFETY: live, by the contract of this function.
///         let count = unsafe { &this.as_ref().0 };
///         count.set(count.get() - 1);
///     }
/// }
///
/// let device = Device(Cell::new(1));
/// let reference = ARef::from(&device);
/// let another = reference.clone();
/// assert_eq!(device.0.get(), 3);
/// drop((reference, another));
/// assert_eq!(device.0.get(), 1);
/// ```
///
/// # Invariants
///
/// `ptr` points to a live value, of which this owns one count.
#[repr(transparent)]
pub struct ARef<T: AlwaysRefCounted> {
    ptr: NonNull<T>,
    _owns: PhantomData<T>,
}

// SAFETY: it gives `&T` to wherever it goes, and may free the value there.
unsafe impl<T: AlwaysRefCounted + Send + Sync> Send for ARef<T> {}
// SAFETY: as above; it can be cloned through a shared reference.
unsafe impl<T: AlwaysRefCounted + Send + Sync> Sync for ARef<T> {}
// The value stays in place when the reference moves.
impl<T: AlwaysRefCounted> Unpin for ARef<T> {}

impl<T: AlwaysRefCounted> ARef<T> {
    /// Takes over a count.
    ///
    /// # Safety
    ///
    /// `ptr` is live, and the caller has a count that it does not use any more.
    pub const unsafe fn from_raw(ptr: NonNull<T>) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            ptr,
            _owns: PhantomData,
        }
    }

    /// Gives the count to the caller.
    pub fn into_raw(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).ptr
    }
}

impl<T: AlwaysRefCounted> Clone for ARef<T> {
    #[inline]
    fn clone(&self) -> Self {
        self.inc_ref();
        // SAFETY: the count that was just added.
        unsafe { Self::from_raw(self.ptr) }
    }
}

impl<T: AlwaysRefCounted> Deref for ARef<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by the type invariant.
        unsafe { self.ptr.as_ref() }
    }
}

impl<T: AlwaysRefCounted> From<&T> for ARef<T> {
    #[inline]
    fn from(value: &T) -> Self {
        value.inc_ref();
        // SAFETY: the count that was just added.
        unsafe { Self::from_raw(NonNull::from(value)) }
    }
}

impl<T: AlwaysRefCounted> Drop for ARef<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        unsafe { T::dec_ref(self.ptr) };
    }
}

impl<T: AlwaysRefCounted + fmt::Debug> fmt::Debug for ARef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

// SAFETY: the pointer is that of a live `T`, and the count goes with it.
unsafe impl<T: AlwaysRefCounted> ForeignOwnable for ARef<T> {
    const FOREIGN_ALIGN: usize = align_of::<T>();
    type Borrowed<'a>
        = &'a T
    where
        Self: 'a;
    type BorrowedMut<'a>
        = &'a T
    where
        Self: 'a;

    fn into_foreign(self) -> *mut c_void {
        Self::into_raw(self).as_ptr().cast()
    }

    unsafe fn from_foreign(ptr: *mut c_void) -> Self {
        // SAFETY: from `into_foreign`, with its count, by this function's contract.
        unsafe { Self::from_raw(NonNull::new_unchecked(ptr.cast())) }
    }

    unsafe fn borrow<'a>(ptr: *mut c_void) -> &'a T
    where
        Self: 'a,
    {
        // SAFETY: live, as the count is kept with the pointer.
        unsafe { &*ptr.cast() }
    }

    unsafe fn borrow_mut<'a>(ptr: *mut c_void) -> &'a T
    where
        Self: 'a,
    {
        // SAFETY: as in `borrow`.
        unsafe { Self::borrow(ptr) }
    }
}
