// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Lock backends on `parking_lot`. There are no interrupts in a process, so that all three kinds are one.

use crate::sync::{Backend, LockClassKey};
use core::ffi::CStr;
use parking_lot::{lock_api::RawMutex as _, RawMutex};

/// A lock class; only the kernel home's lockdep knows what to do with it.
pub struct LockClass;

/// A lock that blocks its thread.
pub struct MutexBackend;

/// As [`MutexBackend`].
pub type SpinLockBackend = MutexBackend;
/// As [`MutexBackend`].
pub type SpinLockIrqBackend = MutexBackend;

// SAFETY: `RawMutex` has one owner at a time, with acquire and release ordering.
unsafe impl Backend for MutexBackend {
    type State = RawMutex;
    type GuardState = ();

    unsafe fn init(state: *mut RawMutex, _name: &'static CStr, _key: &'static LockClassKey) {
        // SAFETY: by this function's contract.
        unsafe { state.write(RawMutex::INIT) };
    }

    unsafe fn lock(state: *mut RawMutex) {
        // SAFETY: initialised, by this function's contract.
        unsafe { (*state).lock() };
    }

    unsafe fn try_lock(state: *mut RawMutex) -> Option<()> {
        // SAFETY: as above.
        unsafe { (*state).try_lock() }.then_some(())
    }

    unsafe fn unlock(state: *mut RawMutex, (): &()) {
        // SAFETY: as above, and the caller holds the lock.
        unsafe { (*state).unlock() };
    }
}
