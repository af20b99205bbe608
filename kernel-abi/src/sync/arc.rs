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

#[cfg(all(test, home = "hosted"))]
mod tests {
    extern crate std;

    use super::*;
    use crate::{alloc::flags::GFP_KERNEL, error::code::EBUSY};
    use pinned_init::pin_init_from_closure;
    use std::thread;

    struct Counted<'a>(&'a AtomicUsize);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count<T>(arc: &Arc<T>) -> usize {
        // SAFETY: by the type invariant.
        unsafe { arc.inner.as_ref() }.count.load(Ordering::Relaxed)
    }

    #[test]
    fn the_last_owner_drops_the_value() {
        let drops = AtomicUsize::new(0);
        let one = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
        let two = one.clone();
        let other = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
        assert!(Arc::ptr_eq(&one, &two) && !Arc::ptr_eq(&one, &other));
        assert_eq!((count(&one), count(&other)), (2, 1));
        drop(one);
        assert_eq!((count(&two), drops.load(Ordering::Relaxed)), (1, 0));
        drop(two);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        drop(other);
        assert_eq!(drops.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn threads_count_together_and_the_value_ends_once() {
        let drops = AtomicUsize::new(0);
        for _ in 0..50 {
            let before = drops.load(Ordering::Relaxed);
            let shared = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
            thread::scope(|scope| {
                for _ in 0..4 {
                    let mine = shared.clone();
                    scope.spawn(move || {
                        for _ in 0..1000 {
                            let again = mine.clone();
                            assert!(Arc::ptr_eq(&again, &mine));
                        }
                    });
                }
                // The last owner may be any of the threads.
                drop(shared);
            });
            assert_eq!(drops.load(Ordering::Relaxed), before + 1);
        }
    }

    #[test]
    fn a_count_that_is_saturated_never_comes_down() {
        let drops = AtomicUsize::new(0);
        let arc = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
        // SAFETY: by the type invariant.
        let counter = unsafe { &arc.inner.as_ref().count };
        counter.store(SATURATED, Ordering::Relaxed);
        let more = arc.clone();
        assert_eq!(count(&more), SATURATED);
        drop(more);
        assert_eq!(count(&arc), SATURATED);
        assert_eq!(drops.load(Ordering::Relaxed), 0);
        // The test itself frees it.
        counter.store(1, Ordering::Relaxed);
        drop(arc);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_initialiser_that_fails_leaves_nothing_to_drop() {
        let drops = AtomicUsize::new(0);
        // SAFETY: it fails and leaves nothing initialised.
        let failing = unsafe { pin_init_from_closure(|_: *mut Counted<'_>| Err(EBUSY)) };
        assert_eq!(Arc::pin_init(failing, GFP_KERNEL).err(), Some(EBUSY));
        let arc = Arc::<Counted<'_>>::pin_init::<Error>(Ok(Counted(&drops)), GFP_KERNEL).unwrap();
        assert_eq!((count(&arc), drops.load(Ordering::Relaxed)), (1, 0));
        drop(arc);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    }
}
