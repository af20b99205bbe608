// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Locks, waiting and counts of the kernel.

pub mod barrier;
pub mod completion;
mod lock;
pub mod poll;
pub mod rcu;
pub mod refcount;
pub mod wait;

pub use lock::{MutexBackend, SpinLockBackend, SpinLockIrqBackend};

use super::bindings;

/// What `sync` has in this home only.
pub mod exports {
    pub use super::poll;
    pub use super::poll::{PollCondVar, PollTable};
    pub use crate::new_poll_condvar;
}

/// C's `struct lock_class_key`.
pub type LockClass = bindings::lock_class_key;

/// Makes a class known to lockdep.
///
/// # Safety
///
/// `class` is valid for writes and stays in place until [`unregister_class`].
pub unsafe fn register_class(class: *mut LockClass) {
    // SAFETY: by this function's contract.
    unsafe { bindings::nova_lockdep_register_key(class) };
}

/// Takes a class back from lockdep. May sleep.
///
/// # Safety
///
/// `class` was registered, and no lock has it any more.
pub unsafe fn unregister_class(class: *mut LockClass) {
    // SAFETY: by this function's contract.
    unsafe { bindings::nova_lockdep_unregister_key(class) };
}
