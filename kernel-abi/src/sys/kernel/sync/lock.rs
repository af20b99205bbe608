// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Lock backends.
//!
//! C headers: `include/linux/mutex.h`, `include/linux/spinlock.h`.

use super::{bindings, LockClass};
use crate::sync::lock::Backend;
use core::ffi::{c_char, c_ulong};

/// How a [`Mutex`](crate::sync::Mutex) locks: `struct mutex`, `mutex_lock()`.
pub struct MutexBackend;

// SAFETY: C's mutex has one owner at a time.
unsafe impl Backend for MutexBackend {
    type State = bindings::mutex;
    type GuardState = ();

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut LockClass) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_mutex_init(ptr, name, key) };
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_mutex_lock(ptr) };
    }

    #[inline]
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<()> {
        // SAFETY: by this function's contract.
        (unsafe { bindings::nova_mutex_trylock(ptr) }).then_some(())
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, (): &()) {
        // SAFETY: by this function's contract.
        unsafe { bindings::mutex_unlock(ptr) };
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_mutex_assert_is_held(ptr) };
    }
}

/// How a [`SpinLock`](crate::sync::SpinLock) locks: `spinlock_t`, `spin_lock()`.
pub struct SpinLockBackend;

// SAFETY: C's spinlock has one owner at a time.
unsafe impl Backend for SpinLockBackend {
    type State = bindings::spinlock_t;
    type GuardState = ();

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut LockClass) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_lock_init(ptr, name, key) };
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_lock(ptr) };
    }

    #[inline]
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<()> {
        // SAFETY: by this function's contract.
        (unsafe { bindings::nova_spin_trylock(ptr) }).then_some(())
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, (): &()) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_unlock(ptr) };
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_assert_is_held(ptr) };
    }
}

/// How a [`SpinLockIrq`](crate::sync::SpinLockIrq) locks: `spinlock_t`, `spin_lock_irqsave()`; the guard state is the saved flags.
pub struct SpinLockIrqBackend;

// SAFETY: as above.
unsafe impl Backend for SpinLockIrqBackend {
    type State = bindings::spinlock_t;
    type GuardState = c_ulong;

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut LockClass) {
        // SAFETY: by this function's contract.
        unsafe { SpinLockBackend::init(ptr, name, key) };
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) -> c_ulong {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_lock_irqsave(ptr) }
    }

    #[inline]
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<c_ulong> {
        let mut flags = 0;
        // SAFETY: by this function's contract.
        (unsafe { bindings::nova_spin_trylock_irqsave(ptr, &mut flags) }).then_some(flags)
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, flags: &c_ulong) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_unlock_irqrestore(ptr, *flags) };
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_assert_is_held(ptr) };
    }
}
