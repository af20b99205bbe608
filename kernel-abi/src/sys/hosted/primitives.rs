// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the hosted locks and waits are made of. Under loom the same names are loom's (`loom/primitives.rs`), so that its
//! models run the code that a process runs.

use super::std::time::Instant;
use parking_lot::lock_api::RawMutex as _;

/// A lock that is taken and given up without a guard.
pub(super) struct RawLock(parking_lot::RawMutex);

impl RawLock {
    pub(super) const fn new() -> Self {
        Self(parking_lot::RawMutex::INIT)
    }

    pub(super) fn lock(&self) {
        self.0.lock();
    }

    pub(super) fn try_lock(&self) -> bool {
        self.0.try_lock()
    }

    pub(super) fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// # Safety
    ///
    /// The caller has the lock.
    pub(super) unsafe fn unlock(&self) {
        // SAFETY: by this function's contract.
        unsafe { self.0.unlock() };
    }
}

/// A lock with its value.
pub(super) struct Mutex<T>(parking_lot::Mutex<T>);

pub(super) type MutexGuard<'a, T> = parking_lot::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(parking_lot::const_mutex(value))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }
}

/// Wakes who waits with a [`Mutex`].
pub(super) struct Condvar(parking_lot::Condvar);

impl Condvar {
    pub(super) const fn new() -> Self {
        Self(parking_lot::Condvar::new())
    }

    pub(super) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.0.wait(guard);
    }

    /// True when the time is over.
    pub(super) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Instant) -> bool {
        self.0.wait_until(guard, deadline).timed_out()
    }

    pub(super) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(super) fn notify_all(&self) {
        self.0.notify_all();
    }
}
