// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A lock, generic over how it locks.
//!
//! Follows `rust/kernel/sync/lock.rs` of Linux.
#![allow(unsafe_code)] // gives out references to what a lock protects

pub mod global;
mod guard;
mod mutex;
mod spinlock;
#[cfg(all(test, home = "hosted"))]
mod tests;

pub use guard::Guard;
pub use mutex::{Mutex, MutexGuard};
pub use spinlock::{SpinLock, SpinLockGuard, SpinLockIrq, SpinLockIrqGuard};

pub use crate::sys::sync::{MutexBackend, SpinLockBackend, SpinLockIrqBackend};

use super::LockClassKey;
use crate::{sys::sync::LockClass, types::Opaque};
use core::{
    cell::UnsafeCell,
    ffi::{c_char, CStr},
    pin::Pin,
};
use pinned_init::{pin_data, pin_init, PinInit, Wrapper};

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
    /// `ptr` is valid for writes and stays in place. `name` ends in a zero; it and `key` are valid as long as the lock.
    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut LockClass);

    /// Takes the lock.
    ///
    /// # Safety
    ///
    /// `ptr` is initialised.
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState;

    /// Takes the lock if it is free.
    ///
    /// # Safety
    ///
    /// `ptr` is initialised.
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState>;

    /// Gives the lock up.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, with this guard state.
    unsafe fn unlock(ptr: *mut Self::State, guard_state: &Self::GuardState);

    /// Takes the lock again after [`Backend::unlock`].
    ///
    /// # Safety
    ///
    /// The caller held the lock with this guard state and gave it up.
    unsafe fn relock(ptr: *mut Self::State, guard_state: &mut Self::GuardState) {
        // SAFETY: the lock is initialised, as it was held before.
        *guard_state = unsafe { Self::lock(ptr) };
    }

    /// Complains unless the lock is held (`lockdep_assert_held()`): lockdep knows by whom, the hosted home whether at
    /// all, and panics.
    ///
    /// # Safety
    ///
    /// `ptr` is initialised.
    unsafe fn assert_is_held(ptr: *mut Self::State);
}

/// A value behind a lock. Named by its kind: [`Mutex`], [`SpinLock`], [`SpinLockIrq`].
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, new_spinlock, sync::SpinLock};
/// use pinned_init::{pin_data, pin_init};
///
/// #[pin_data]
/// struct Ring {
///     #[pin]
///     head: SpinLock<u32>,
/// }
///
/// let ring = KBox::pin_init(pin_init!(Ring { head <- new_spinlock!(7, "Ring::head") }), GFP_KERNEL)?;
/// {
///     let mut head = ring.head.lock();
///     *head += 1;
///     assert!(ring.head.try_lock().is_none());
/// }
/// assert_eq!(ring.head.try_lock().as_deref(), Some(&8));
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
///
/// # Invariants
///
/// `state` is initialised and does not move. `data` is used only by who holds the lock.
#[repr(C)]
#[pin_data]
pub struct Lock<T: ?Sized, B: Backend> {
    #[pin]
    state: Opaque<B::State>,
    #[pin]
    data: UnsafeCell<T>,
}

// SAFETY: whoever has the lock may use the value.
unsafe impl<T: Send + ?Sized, B: Backend> Send for Lock<T, B> {}
// SAFETY: the lock gives access to one at a time.
unsafe impl<T: Send + ?Sized, B: Backend> Sync for Lock<T, B> {}

impl<T, B: Backend> Lock<T, B> {
    /// A lock around a value, which is initialised in place. Does not sleep.
    pub fn new(
        value: impl PinInit<T>,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: the slot is valid and pinned, name and key are static.
            state <- Opaque::ffi_init(move |slot| unsafe {
                B::init(slot, name.as_ptr(), key.as_ptr());
            }),
            data <- UnsafeCell::pin_init(value),
        })
    }
}

impl<B: Backend> Lock<(), B> {
    /// A lock that C initialised and that protects something of C's.
    ///
    /// # Safety
    ///
    /// `ptr` is an initialised lock of this kind, and stays valid and in place during `'a`.
    pub const unsafe fn from_raw<'a>(ptr: *mut B::State) -> &'a Self {
        // SAFETY: the lock comes first, and the value has no size. INVARIANT: by this function's contract.
        unsafe { &*ptr.cast() }
    }
}

impl<T: ?Sized, B: Backend> Lock<T, B> {
    /// Waits for the lock and takes it.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T, B> {
        // SAFETY: by the type invariant; just locked.
        unsafe {
            let state = B::lock(self.state.get());
            Guard::of_held(self, state)
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T, B>> {
        // SAFETY: by the type invariant; just locked.
        unsafe {
            let state = B::try_lock(self.state.get())?;
            Some(Guard::of_held(self, state))
        }
    }

    /// The address of the value.
    pub(super) const fn data_ptr(&self) -> *const T {
        self.data.get()
    }
}
