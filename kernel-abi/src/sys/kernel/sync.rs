// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Lock backends.
//!
//! C headers: `include/linux/mutex.h`, `include/linux/spinlock.h`.

use super::bindings;
use crate::sync::{Backend, LockClassKey};
use core::ffi::{c_ulong, CStr};

/// C's `struct lock_class_key`.
pub type LockClass = bindings::lock_class_key;

/// `struct mutex`
pub struct MutexBackend;

// SAFETY: C's mutex has one owner at a time.
unsafe impl Backend for MutexBackend {
    type State = bindings::mutex;
    type GuardState = ();

    unsafe fn init(state: *mut Self::State, name: &'static CStr, key: &'static LockClassKey) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_mutex_init(state, name.as_ptr(), key.as_raw()) };
    }

    unsafe fn lock(state: *mut Self::State) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_mutex_lock(state) };
    }

    unsafe fn try_lock(state: *mut Self::State) -> Option<()> {
        // SAFETY: by this function's contract.
        (unsafe { bindings::nova_mutex_trylock(state) }).then_some(())
    }

    unsafe fn unlock(state: *mut Self::State, (): &()) {
        // SAFETY: by this function's contract.
        unsafe { bindings::mutex_unlock(state) };
    }
}

/// `spinlock_t`
pub struct SpinLockBackend;

// SAFETY: C's spinlock has one owner at a time.
unsafe impl Backend for SpinLockBackend {
    type State = bindings::spinlock_t;
    type GuardState = ();

    unsafe fn init(state: *mut Self::State, name: &'static CStr, key: &'static LockClassKey) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_lock_init(state, name.as_ptr(), key.as_raw()) };
    }

    unsafe fn lock(state: *mut Self::State) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_lock(state) };
    }

    unsafe fn try_lock(state: *mut Self::State) -> Option<()> {
        // SAFETY: by this function's contract.
        (unsafe { bindings::nova_spin_trylock(state) }).then_some(())
    }

    unsafe fn unlock(state: *mut Self::State, (): &()) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_unlock(state) };
    }
}

/// `spinlock_t` with `spin_lock_irqsave()`; the guard state is the saved flags.
pub struct SpinLockIrqBackend;

// SAFETY: as above.
unsafe impl Backend for SpinLockIrqBackend {
    type State = bindings::spinlock_t;
    type GuardState = c_ulong;

    unsafe fn init(state: *mut Self::State, name: &'static CStr, key: &'static LockClassKey) {
        // SAFETY: by this function's contract.
        unsafe { SpinLockBackend::init(state, name, key) };
    }

    unsafe fn lock(state: *mut Self::State) -> c_ulong {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_lock_irqsave(state) }
    }

    unsafe fn try_lock(state: *mut Self::State) -> Option<c_ulong> {
        let mut flags = 0;
        // SAFETY: by this function's contract.
        (unsafe { bindings::nova_spin_trylock_irqsave(state, &mut flags) }).then_some(flags)
    }

    unsafe fn unlock(state: *mut Self::State, flags: &c_ulong) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_spin_unlock_irqrestore(state, *flags) };
    }
}
