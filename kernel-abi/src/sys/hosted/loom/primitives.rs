// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `primitives.rs` on loom.

use super::super::std::{mem, time::Instant};
use loom::{sync, thread};

/// A lock that is taken and given up without a guard: a flag under one of loom's, and who waits for it.
pub(in super::super) struct RawLock {
    held: sync::Mutex<bool>,
    free: sync::Condvar,
}

impl RawLock {
    pub(in super::super) fn new() -> Self {
        Self {
            held: sync::Mutex::new(false),
            free: sync::Condvar::new(),
        }
    }

    pub(in super::super) fn lock(&self) {
        let mut held = self.held.lock().unwrap();
        while *held {
            held = self.free.wait(held).unwrap();
        }
        *held = true;
    }

    pub(in super::super) fn try_lock(&self) -> bool {
        !mem::replace(&mut *self.held.lock().unwrap(), true)
    }

    pub(in super::super) fn is_locked(&self) -> bool {
        *self.held.lock().unwrap()
    }

    /// # Safety
    ///
    /// The caller has the lock.
    pub(in super::super) unsafe fn unlock(&self) {
        let was_held = mem::replace(&mut *self.held.lock().unwrap(), false);
        assert!(was_held, "a lock is given up that nobody has");
        self.free.notify_one();
    }
}

/// A lock with its value.
pub(in super::super) struct Mutex<T>(sync::Mutex<T>);

/// Never `None` but within a wait.
pub(in super::super) struct MutexGuard<'a, T>(Option<sync::MutexGuard<'a, T>>, &'a sync::Mutex<T>);

impl<T> core::ops::Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().unwrap()
    }
}

impl<T> core::ops::DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().unwrap()
    }
}

impl<T> Mutex<T> {
    pub(in super::super) fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub(in super::super) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap()), &self.0)
    }
}

/// Wakes who waits with a [`Mutex`].
pub(in super::super) struct Condvar(sync::Condvar);

impl Condvar {
    pub(in super::super) fn new() -> Self {
        Self(sync::Condvar::new())
    }

    pub(in super::super) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let taken = guard.0.take().unwrap();
        guard.0 = Some(self.0.wait(taken).unwrap());
    }

    /// Loom has no time: the deadline passes at once, after others have had the lock if they are in time.
    pub(in super::super) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        _deadline: Instant,
    ) -> bool {
        drop(guard.0.take());
        thread::yield_now();
        guard.0 = Some(guard.1.lock().unwrap());
        true
    }

    pub(in super::super) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(in super::super) fn notify_all(&self) {
        self.0.notify_all();
    }
}
