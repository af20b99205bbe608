// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A box whose allocation may fail.
#![allow(unsafe_code)] // owns raw memory

use super::{AllocError, Flags};
use crate::{error::Error, sys};
use core::{
    alloc::Layout,
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    pin::Pin,
    ptr::{self, NonNull},
};
use pinned_init::{Init, PinInit};

/// Owns a value on the heap.
///
/// # Invariants
///
/// `ptr` is an allocation of `sys::alloc` for `T`'s layout, dangling for a type without size, and
/// holds a valid value.
pub struct KBox<T> {
    ptr: NonNull<T>,
    _owns: PhantomData<T>,
}

// SAFETY: it owns its value.
unsafe impl<T: Send> Send for KBox<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for KBox<T> {}

impl<T> KBox<T> {
    /// Puts `value` on the heap.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        let memory = Self::new_uninit(flags)?;
        Ok(memory.write(value))
    }

    /// Memory for a value.
    pub fn new_uninit(flags: Flags) -> Result<KBox<MaybeUninit<T>>, AllocError> {
        let layout = Layout::new::<T>();
        let ptr = if layout.size() == 0 {
            NonNull::dangling()
        } else {
            sys::alloc::alloc(layout, flags)?.cast()
        };
        Ok(KBox {
            ptr,
            _owns: PhantomData,
        })
    }

    /// Puts `value` on the heap, where it stays in place.
    pub fn pin(value: T, flags: Flags) -> Result<Pin<Self>, AllocError> {
        Ok(Self::new(value, flags)?.into())
    }

    /// Initialises a value in place.
    pub fn init<E>(init: impl Init<T, E>, flags: Flags) -> Result<Self, Error>
    where
        Error: From<E>,
    {
        let memory = Self::new_uninit(flags)?;
        // SAFETY: the memory is for a `T`; on an error it is freed as uninitialised.
        unsafe {
            init.__init(memory.ptr.as_ptr().cast())?;
            Ok(memory.assume_init())
        }
    }

    /// Initialises a pinned value in place.
    pub fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Pin<Self>, Error>
    where
        Error: From<E>,
    {
        let memory = Self::new_uninit(flags)?;
        // SAFETY: as in `init`; the value is pinned from here on.
        unsafe {
            init.__pinned_init(memory.ptr.as_ptr().cast())?;
            Ok(memory.assume_init().into())
        }
    }

    /// Gives the allocation to the caller.
    pub fn into_raw(this: Self) -> *mut T {
        ManuallyDrop::new(this).ptr.as_ptr()
    }

    /// Takes an allocation back.
    ///
    /// # Safety
    ///
    /// `raw` is from [`KBox::into_raw`] and is not used any more.
    pub unsafe fn from_raw(raw: *mut T) -> Self {
        Self {
            // SAFETY: `into_raw` gives no null pointer.
            ptr: unsafe { NonNull::new_unchecked(raw) },
            _owns: PhantomData,
        }
    }

    /// Takes the value out of the box.
    pub fn into_inner(this: Self) -> T {
        let this = ManuallyDrop::new(this);
        // SAFETY: by the type invariant; afterwards the memory is freed and not dropped.
        unsafe {
            let value = this.ptr.as_ptr().read();
            free(this.ptr);
            value
        }
    }
}

impl<T> KBox<MaybeUninit<T>> {
    /// Fills the memory.
    pub fn write(mut self, value: T) -> KBox<T> {
        MaybeUninit::write(&mut *self, value);
        // SAFETY: just written.
        unsafe { self.assume_init() }
    }

    /// Says that the memory holds a value.
    ///
    /// # Safety
    ///
    /// It does.
    pub unsafe fn assume_init(self) -> KBox<T> {
        let raw = KBox::into_raw(self);
        // SAFETY: the same allocation, with a valid value by this function's contract.
        unsafe { KBox::from_raw(raw.cast()) }
    }
}

/// # Safety
///
/// `ptr` is an allocation for `T` whose value is gone.
unsafe fn free<T>(ptr: NonNull<T>) {
    let layout = Layout::new::<T>();
    if layout.size() != 0 {
        // SAFETY: by this function's contract.
        unsafe { sys::alloc::free(ptr.cast(), layout) };
    }
}

impl<T> Drop for KBox<T> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        unsafe {
            ptr::drop_in_place(self.ptr.as_ptr());
            free(self.ptr);
        }
    }
}

impl<T> Deref for KBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the type invariant.
        unsafe { self.ptr.as_ref() }
    }
}

impl<T> DerefMut for KBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by the type invariant.
        unsafe { self.ptr.as_mut() }
    }
}

impl<T> From<KBox<T>> for Pin<KBox<T>> {
    fn from(boxed: KBox<T>) -> Self {
        // SAFETY: the value does not move with the box.
        unsafe { Pin::new_unchecked(boxed) }
    }
}

impl<T: fmt::Debug> fmt::Debug for KBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}
