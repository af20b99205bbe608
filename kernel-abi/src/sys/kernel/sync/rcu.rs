// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Read-copy-update.
//!
//! C header: `include/linux/rcupdate.h`.

use super::bindings;

/// `rcu_read_lock()`
#[inline]
pub fn read_lock() {
    // SAFETY: it may be called in any context.
    unsafe { bindings::nova_rcu_read_lock() };
}

/// `rcu_read_unlock()`
#[inline]
pub fn read_unlock() {
    // SAFETY: a guard ends what it began, in the same task.
    unsafe { bindings::nova_rcu_read_unlock() };
}

/// `synchronize_rcu()`
pub fn synchronize() {
    // SAFETY: a caller that must not sleep is a defect that the kernel reports, and no unsoundness.
    unsafe { bindings::synchronize_rcu() };
}

/// `rcu_barrier()`
pub fn barrier() {
    // SAFETY: as above.
    unsafe { bindings::rcu_barrier() };
}
