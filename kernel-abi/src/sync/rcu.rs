// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Read-copy-update: readers that never wait.
//!
//! Follows `rust/kernel/sync/rcu.rs` of Linux. C header: `include/linux/rcupdate.h`.

use crate::{sys::sync::rcu as sys, types::NotThreadSafe};

/// A read-side critical section (`rcu_read_lock()`): what was reachable when it began is not freed before it ends. Sections
/// nest. Its holder must not sleep; any context.
///
/// In the hosted home readers wait for nobody but a [`synchronize_rcu`] that is about to end.
///
/// ```
/// use kernel_abi::sync::rcu;
///
/// let section = rcu::read_lock();
/// let nested = rcu::Guard::new();
/// nested.unlock();
/// drop(section);
/// rcu::synchronize_rcu();
/// rcu::rcu_barrier();
/// ```
#[must_use = "the section ends at once when the guard is not kept"]
pub struct Guard(NotThreadSafe);

impl Guard {
    /// Begins a section.
    #[allow(clippy::new_without_default)] // a default that does something would surprise
    pub fn new() -> Self {
        sys::read_lock();
        Self(NotThreadSafe)
    }

    /// Ends the section.
    pub fn unlock(self) {}
}

impl Drop for Guard {
    fn drop(&mut self) {
        sys::read_unlock();
    }
}

/// Begins a section. As [`Guard::new`].
pub fn read_lock() -> Guard {
    Guard::new()
}

/// Waits until every section that is under way has ended (`synchronize_rcu()`). Sleeps, and not within a section.
pub fn synchronize_rcu() {
    sys::synchronize();
}

/// Waits until what was put off to the end of the sections under way is done (`rcu_barrier()`), such as fences that are freed. A
/// module's unload does it by itself. Sleeps, and not within a section.
pub fn rcu_barrier() {
    sys::barrier();
}
