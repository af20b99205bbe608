// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The proof that a lock is held.
#![allow(unsafe_code)] // gives out references to what a lock protects

use super::{Backend, Lock};
use crate::types::{NotThreadSafe, ScopeGuard};
use core::{
    ops::{Deref, DerefMut},
    pin::Pin,
};

/// Shows that the lock is held, gives access to the value, and gives the lock up when dropped. Stays in its task.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, new_mutex, sync::{Guard, Mutex, MutexBackend}};
///
/// fn advance(guard: &mut Guard<'_, u32, MutexBackend>) {
///     **guard += 1;
///     // Others may have the lock meanwhile.
///     let free = guard.lock_ref().try_lock().is_none();
///     assert!(free && guard.unlocked(|| true));
/// }
///
/// let lock: core::pin::Pin<KBox<Mutex<u32>>> = KBox::pin_init(new_mutex!(1), GFP_KERNEL)?;
/// let mut guard = lock.lock();
/// advance(&mut guard);
/// assert_eq!(*guard, 2);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
///
/// # Invariants
///
/// The lock is held by the task that made this, with this guard state.
#[must_use = "the lock is given up at once when the guard is not kept"]
pub struct Guard<'a, T: ?Sized, B: Backend> {
    lock: &'a Lock<T, B>,
    state: B::GuardState,
    _task: NotThreadSafe,
}

// SAFETY: sharing a guard shares `&T`.
unsafe impl<T: Sync + ?Sized, B: Backend> Sync for Guard<'_, T, B> {}

impl<'a, T: ?Sized, B: Backend> Guard<'a, T, B> {
    /// # Safety
    ///
    /// The caller holds the lock with this guard state, and no other guard is for it.
    #[inline]
    pub(super) const unsafe fn of_held(lock: &'a Lock<T, B>, state: B::GuardState) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            lock,
            state,
            _task: NotThreadSafe,
        }
    }

    /// A guard for a lock that was taken without one, which [`Backend::assert_is_held`] checks.
    ///
    /// # Safety
    ///
    /// The caller holds the lock with this guard state, and no other guard is for it.
    pub unsafe fn new(lock: &'a Lock<T, B>, state: B::GuardState) -> Self {
        // SAFETY: a lock is initialised; the rest is this function's contract.
        unsafe {
            B::assert_is_held(lock.state.get());
            Self::of_held(lock, state)
        }
    }

    /// The lock that is held.
    pub const fn lock_ref(&self) -> &'a Lock<T, B> {
        self.lock
    }

    /// The value, which is pinned.
    pub fn as_mut(&mut self) -> Pin<&mut T> {
        // SAFETY: the lock is held, this guard is borrowed alone, and the value is pinned with its lock.
        unsafe { Pin::new_unchecked(&mut *self.lock.data.get()) }
    }

    /// Runs `call` without the lock, and takes it again, also when `call` panics. (Upstream: `do_unlocked`.)
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

impl<T: ?Sized, B: Backend> Deref for Guard<'_, T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: Unpin + ?Sized, B: Backend> DerefMut for Guard<'_, T, B> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and this guard is borrowed alone.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized, B: Backend> Drop for Guard<'_, T, B> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the lock is held; this is the end of it.
        unsafe { B::unlock(self.lock.state.get(), &self.state) };
    }
}
