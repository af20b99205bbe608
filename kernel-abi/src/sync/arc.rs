// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Shared ownership by a reference count, without weak references.
#![allow(unsafe_code)] // owns raw memory

use crate::{
    alloc::{AllocError, Flags, KBox},
    error::Error,
};
use core::{
    fmt,
    marker::PhantomData,
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{fence, AtomicUsize, Ordering},
};
use pinned_init::{pin_data, PinInit};

/// Above this a count stays where it is for ever: a leak is better than a use after free.
const SATURATED: usize = usize::MAX / 2;

#[pin_data]
struct Inner<T> {
    count: AtomicUsize,
    #[pin]
    value: T,
}

/// A counted reference to a value that is pinned on the heap.
///
/// # Invariants
///
/// `inner` is a live allocation of [`KBox`], of whose count this owns one.
pub struct Arc<T> {
    inner: NonNull<Inner<T>>,
    _owns: PhantomData<Inner<T>>,
}

// SAFETY: it gives `&T` to wherever it goes, and may drop the value there.
unsafe impl<T: Send + Sync> Send for Arc<T> {}
// SAFETY: as above; it can be cloned through a shared reference.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}

impl<T> Arc<T> {
    /// Puts `value` on the heap.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        let inner = KBox::new(
            Inner {
                count: AtomicUsize::new(1),
                value,
            },
            flags,
        )?;
        Ok(Self::from_box(inner))
    }

    /// Initialises a pinned value in place.
    pub fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Self, Error>
    where
        Error: From<E>,
    {
        let inner = KBox::pin_init(
            pinned_init::try_pin_init!(Inner {
                count: AtomicUsize::new(1),
                value <- init,
            }? E),
            flags,
        )?;
        // SAFETY: an `Arc` never moves its value.
        Ok(Self::from_box(unsafe {
            core::pin::Pin::into_inner_unchecked(inner)
        }))
    }

    fn from_box(inner: KBox<Inner<T>>) -> Self {
        // SAFETY: a box is never null. INVARIANT: the count of one is taken over.
        let inner = unsafe { NonNull::new_unchecked(KBox::into_raw(inner)) };
        Self {
            inner,
            _owns: PhantomData,
        }
    }

    /// True when both are references to one value.
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.inner == other.inner
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        // SAFETY: by the type invariant.
        let count = unsafe { &self.inner.as_ref().count };
        if count.fetch_add(1, Ordering::Relaxed) >= SATURATED {
            count.store(SATURATED, Ordering::Relaxed);
        }
        Self {
            inner: self.inner,
            _owns: PhantomData,
        }
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the type invariant.
        unsafe { &self.inner.as_ref().value }
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant.
        let count = unsafe { &self.inner.as_ref().count };
        match count.fetch_sub(1, Ordering::Release) {
            1 => {
                // What other owners did to the value comes before its end.
                fence(Ordering::Acquire);
                // SAFETY: this was the last count.
                drop(unsafe { KBox::from_raw(self.inner.as_ptr()) });
            }
            old if old >= SATURATED => count.store(SATURATED, Ordering::Relaxed),
            _ => {}
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}
