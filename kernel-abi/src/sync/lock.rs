// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A lock, generic over how it locks.
#![allow(unsafe_code)] // gives out references to what a lock protects

use crate::types::{NotThreadSafe, Opaque, ScopeGuard};
use core::{
    cell::UnsafeCell,
    ffi::CStr,
    ops::{Deref, DerefMut},
};
use pinned_init::{pin_data, pin_init, PinInit};

/// How a kind of lock locks.
///
/// # Safety
///
/// Between [`Backend::lock`] or a successful [`Backend::try_lock`] and [`Backend::unlock`] nobody else has the lock, and
/// what one holder did is visible to the next.
pub unsafe trait Backend {
    /// The lock itself.
    type State;
    /// What a holder keeps until it unlocks.
    type GuardState;

    /// Initialises a lock.
    ///
    /// # Safety
    ///
    /// `state` is valid for writes and stays in place; `name` and `key` are static.
    unsafe fn init(state: *mut Self::State, name: &'static CStr, key: &'static LockClassKey);

    /// Takes the lock.
    ///
    /// # Safety
    ///
    /// `state` is initialised.
    unsafe fn lock(state: *mut Self::State) -> Self::GuardState;

    /// Takes the lock if it is free.
    ///
    /// # Safety
    ///
    /// `state` is initialised.
    unsafe fn try_lock(state: *mut Self::State) -> Option<Self::GuardState>;

    /// Gives the lock up.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, with this guard state.
    unsafe fn unlock(state: *mut Self::State, guard: &Self::GuardState);

    /// Takes the lock again after [`Backend::unlock`].
    ///
    /// # Safety
    ///
    /// The caller held the lock with this guard state and gave it up.
    unsafe fn relock(state: *mut Self::State, guard: &mut Self::GuardState) {
        // SAFETY: the lock is initialised, as it was held before.
        *guard = unsafe { Self::lock(state) };
    }
}

/// A lock class: lockdep tells locks apart by it. Static.
#[repr(transparent)]
pub struct LockClassKey(Opaque<crate::sys::sync::LockClass>);

// SAFETY: C's key has its own locking; only its address matters.
unsafe impl Sync for LockClassKey {}

impl LockClassKey {
    /// A class that no lock has yet.
    #[allow(clippy::new_without_default)] // only for statics
    pub const fn new() -> Self {
        Self(Opaque::uninit())
    }

    /// The C key.
    pub const fn as_raw(&self) -> *mut crate::sys::sync::LockClass {
        self.0.get()
    }
}

/// A value behind a lock.
///
/// # Invariants
///
/// `state` is initialised and does not move. `data` is used only by who holds the lock.
#[pin_data]
pub struct Lock<T, B: Backend> {
    #[pin]
    state: Opaque<B::State>,
    data: UnsafeCell<T>,
}

// SAFETY: whoever has the lock may use the value.
unsafe impl<T: Send, B: Backend> Send for Lock<T, B> {}
// SAFETY: the lock gives access to one at a time.
unsafe impl<T: Send, B: Backend> Sync for Lock<T, B> {}

impl<T, B: Backend> Lock<T, B> {
    /// A lock around `value`.
    pub fn new(value: T, name: &'static CStr, key: &'static LockClassKey) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: the slot is valid and pinned, name and key are static.
            state <- Opaque::ffi_init(move |slot| unsafe { B::init(slot, name, key) }),
            data: UnsafeCell::new(value),
        })
    }

    /// Waits for the lock and takes it.
    pub fn lock(&self) -> Guard<'_, T, B> {
        // SAFETY: by the type invariant.
        let state = unsafe { B::lock(self.state.get()) };
        // INVARIANT: just locked.
        Guard {
            lock: self,
            state,
            _thread: NotThreadSafe,
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<Guard<'_, T, B>> {
        // SAFETY: by the type invariant.
        let state = unsafe { B::try_lock(self.state.get()) }?;
        // INVARIANT: just locked.
        Some(Guard {
            lock: self,
            state,
            _thread: NotThreadSafe,
        })
    }
}

/// Shows that the lock is held, and gives it up when dropped.
///
/// # Invariants
///
/// The lock is held by the thread that made this.
#[must_use = "the lock is given up at once when the guard is not kept"]
pub struct Guard<'a, T, B: Backend> {
    lock: &'a Lock<T, B>,
    state: B::GuardState,
    _thread: NotThreadSafe,
}

// SAFETY: sharing a guard shares `&T`.
unsafe impl<T: Sync, B: Backend> Sync for Guard<'_, T, B> {}

impl<T, B: Backend> Guard<'_, T, B> {
    /// Runs `call` without the lock, and takes it again, also when `call` panics.
    pub fn unlocked<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let state = self.lock.state.get();
        // SAFETY: the lock is held, by the type invariant, and is again before this returns or
        // unwinds.
        unsafe { B::unlock(state, &self.state) };
        let guard = &mut self.state;
        let _relock = ScopeGuard::new(move || {
            // SAFETY: held and given up above.
            unsafe { B::relock(state, guard) };
        });
        call()
    }
}

impl<T, B: Backend> Deref for Guard<'_, T, B> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T, B: Backend> DerefMut for Guard<'_, T, B> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and this guard is borrowed alone.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T, B: Backend> Drop for Guard<'_, T, B> {
    fn drop(&mut self) {
        // SAFETY: the lock is held; this is the end of it.
        unsafe { B::unlock(self.lock.state.get(), &self.state) };
    }
}

#[cfg(all(test, home = "hosted"))]
mod tests {
    extern crate std;

    use crate::{
        alloc::flags::GFP_KERNEL,
        new_mutex, new_spinlock, new_spinlock_irq,
        sync::{Arc, Mutex},
    };
    use std::{sync::mpsc, thread};

    fn shared<T>(value: T) -> Arc<Mutex<T>> {
        Arc::pin_init(new_mutex!(value, "test"), GFP_KERNEL).unwrap()
    }

    #[test]
    fn one_thread_at_a_time_has_the_value() {
        let lock = shared(0u32);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5000 {
                        let mut guard = lock.lock();
                        // Two steps, so that a second holder would lose a count.
                        let value = *guard;
                        thread::yield_now();
                        *guard = value + 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 4 * 5000);
    }

    #[test]
    fn a_lock_that_is_held_cannot_be_tried() {
        let lock = shared(1);
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        thread::scope(|scope| {
            scope.spawn(|| assert!(lock.try_lock().is_none()));
        });
        drop(guard);
        let mut guard = lock.try_lock().unwrap();
        *guard += 1;
        assert!(lock.try_lock().is_none());
        drop(guard);
        assert_eq!(*lock.lock(), 2);
    }

    #[test]
    fn whoever_waits_gets_the_lock_when_it_is_given_up() {
        let lock = shared(0);
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            let mut guard = lock.lock();
            scope.spawn(|| {
                tell.send(()).unwrap();
                assert_eq!(*lock.lock(), 7);
            });
            told.recv().unwrap();
            *guard = 7;
        });
    }

    #[test]
    fn unlocked_lets_others_in_and_takes_the_lock_again() {
        let lock = shared(1);
        let mut guard = lock.lock();
        let result = guard.unlocked(|| {
            // On another thread: this would hang if the lock was still held.
            thread::scope(|scope| {
                let other = scope.spawn(|| {
                    let mut guard = lock.lock();
                    *guard += 1;
                    *guard
                });
                other.join().unwrap()
            })
        });
        assert_eq!((result, *guard), (2, 2));
        assert!(lock.try_lock().is_none(), "held again");
        drop(guard);
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn every_kind_of_lock_locks() {
        let spin = Arc::pin_init(new_spinlock!(1, "spin"), GFP_KERNEL).unwrap();
        let irq = Arc::pin_init(new_spinlock_irq!(1, "irq"), GFP_KERNEL).unwrap();
        *spin.lock() += 1;
        *irq.lock() += 1;
        let (one, two) = (spin.lock(), irq.lock());
        assert_eq!((*one, *two), (2, 2));
        assert!(spin.try_lock().is_none() && irq.try_lock().is_none());
    }

    #[test]
    fn the_value_is_dropped_with_its_lock() {
        let value = std::sync::Arc::new(());
        let lock = shared(value.clone());
        assert_eq!(std::sync::Arc::strong_count(&value), 2);
        drop(lock);
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
    }

    #[test]
    fn a_panic_without_the_lock_ends_with_the_lock() {
        let mutex = shared(0);
        let mut guard = mutex.lock();
        let call = std::panic::AssertUnwindSafe(|| guard.unlocked(|| panic!("on purpose")));
        assert!(std::panic::catch_unwind(call).is_err());
        // Still held, so that the guard's end unlocks what is locked.
        assert!(mutex.try_lock().is_none());
        drop(guard);
        assert!(mutex.try_lock().is_some());
    }
}
