// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Lock backends. There are no interrupts in a process, so that all three kinds are one.

use super::{super::primitives::RawLock, LockClass};
use crate::sync::lock::Backend;
use core::ffi::c_char;

/// How a [`Mutex`](crate::sync::Mutex) locks: it blocks its thread.
pub struct MutexBackend;

/// How a [`SpinLock`](crate::sync::SpinLock) locks: as [`MutexBackend`].
pub type SpinLockBackend = MutexBackend;
/// How a [`SpinLockIrq`](crate::sync::SpinLockIrq) locks: as [`MutexBackend`].
pub type SpinLockIrqBackend = MutexBackend;

/// A lock's memory.
pub struct State(RawLock);

// SAFETY: the lock has one owner at a time, with acquire and release ordering.
unsafe impl Backend for MutexBackend {
    type State = State;
    type GuardState = ();

    unsafe fn init(ptr: *mut State, _name: *const c_char, _key: *mut LockClass) {
        // SAFETY: by this function's contract.
        unsafe { ptr.write(State(RawLock::new())) };
    }

    unsafe fn lock(ptr: *mut State) {
        // SAFETY: initialised, by this function's contract.
        unsafe { (*ptr).0.lock() };
    }

    unsafe fn try_lock(ptr: *mut State) -> Option<()> {
        // SAFETY: as above.
        unsafe { (*ptr).0.try_lock() }.then_some(())
    }

    unsafe fn unlock(ptr: *mut State, (): &()) {
        // SAFETY: as above, and the caller holds the lock.
        unsafe { (*ptr).0.unlock() };
    }

    unsafe fn assert_is_held(ptr: *mut State) {
        // SAFETY: as above.
        assert!(unsafe { (*ptr).0.is_locked() }, "the lock is not held");
    }
}
