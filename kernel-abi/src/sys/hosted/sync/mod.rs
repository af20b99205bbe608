// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Locks, waiting and counts in a process, on `parking_lot`.

pub mod barrier;
pub mod completion;
mod lock;
pub mod rcu;
pub mod refcount;
pub mod wait;

pub use lock::{MutexBackend, SpinLockBackend, SpinLockIrqBackend};

/// What `sync` has in this home only: nothing.
pub mod exports {}

/// A lock class; only the kernel home's lockdep knows what to do with it.
pub struct LockClass;

/// Makes a class known to lockdep, which is not here.
///
/// # Safety
///
/// None here; the kernel home's has its own.
pub unsafe fn register_class(_class: *mut LockClass) {}

/// Takes a class back from lockdep, which is not here.
///
/// # Safety
///
/// None here; the kernel home's has its own.
pub unsafe fn unregister_class(_class: *mut LockClass) {}
