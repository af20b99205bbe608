// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A queue of waiting threads, as the kernel's wait queues are: whoever waits is in the queue before it gives its lock
//! up, and who has waited longest is woken first.

use super::super::{
    primitives::{Condvar, Mutex},
    std::time::{Duration, Instant},
    time::HZ,
};
use crate::{
    sync::{lock::Backend, Guard, LockClassKey},
    time::Jiffies,
};
use core::{cell::Cell, convert::Infallible, ffi::CStr, pin::Pin, ptr};
use pinned_init::PinInit;

/// What may end a wait besides a notification. Threads get no signals here.
#[derive(Clone, Copy)]
pub enum Mode {
    /// Nothing.
    Uninterruptible,
    /// Any signal.
    Interruptible,
    /// A signal that kills.
    Killable,
}

/// How a wait ended.
pub struct Ended {
    /// Jiffies that were left.
    pub left: Jiffies,
    /// A signal is pending.
    pub signal: bool,
}

/// Who waits; on its thread's stack.
///
/// All but `wake` is used only under the queue's lock.
struct Waiter {
    next: Cell<*const Waiter>,
    woken: Cell<bool>,
    wake: Condvar,
}

/// A queue of waiters.
///
/// # Invariants
///
/// Each waiter in the list is alive: it leaves, or is taken out when it is woken, under the lock.
pub struct WaitQueue {
    waiters: Mutex<List>,
}

struct List {
    first: *const Waiter,
}

// SAFETY: waiters are shared between threads under the queue's lock.
unsafe impl Send for List {}

impl List {
    /// Appends a waiter.
    fn push(&mut self, waiter: &Waiter) {
        let mut last = &raw const self.first;
        // SAFETY: each waiter in the list is alive, and its `next` is used under the lock, which `self` shows.
        unsafe {
            while !(*last).is_null() {
                last = (**last).next.as_ptr();
            }
            *last.cast_mut() = waiter;
        }
    }

    /// Takes the first waiter out and marks it. It stays alive until the lock is given up.
    fn wake_first(&mut self) -> bool {
        // SAFETY: null, or alive as above.
        let Some(waiter) = (unsafe { self.first.as_ref() }) else {
            return false;
        };
        self.first = waiter.next.get();
        waiter.woken.set(true);
        waiter.wake.notify_one();
        true
    }

    /// Takes a waiter out that is in the list.
    fn remove(&mut self, waiter: &Waiter) {
        let mut link = &raw const self.first;
        // SAFETY: as in `push`.
        unsafe {
            while !ptr::eq(*link, waiter) {
                if (*link).is_null() {
                    return;
                }
                link = (**link).next.as_ptr();
            }
            *link.cast_mut() = waiter.next.get();
        }
    }
}

impl WaitQueue {
    /// An empty queue.
    pub fn new(
        _name: &'static CStr,
        _key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self, Infallible> {
        Self {
            waiters: Mutex::new(List { first: ptr::null() }),
        }
    }

    /// Gives the guard's lock up, waits, and takes it again.
    pub fn wait<T: ?Sized, B: Backend>(
        &self,
        _mode: Mode,
        guard: &mut Guard<'_, T, B>,
        timeout: Option<Jiffies>,
    ) -> Ended {
        let deadline = timeout.map(deadline_in);
        let waiter = Waiter {
            next: Cell::new(ptr::null()),
            woken: Cell::new(false),
            wake: Condvar::new(),
        };
        self.waiters.lock().push(&waiter);
        guard.unlocked(|| self.sleep(&waiter, deadline.flatten()));
        Ended {
            left: left_until(timeout, deadline.flatten()),
            signal: false,
        }
    }

    /// Sleeps until the waiter was taken out of the list, by who woke it or at the deadline by itself.
    fn sleep(&self, waiter: &Waiter, deadline: Option<Instant>) {
        let mut list = self.waiters.lock();
        while !waiter.woken.get() {
            match deadline {
                None => waiter.wake.wait(&mut list),
                Some(deadline) => {
                    let over = waiter.wake.wait_until(&mut list, deadline);
                    if over && !waiter.woken.get() {
                        return list.remove(waiter);
                    }
                }
            }
        }
    }

    /// Wakes up to `count` waiters, or all.
    pub fn notify(&self, count: Option<usize>) {
        let mut list = self.waiters.lock();
        let mut left = count.unwrap_or(usize::MAX);
        while left > 0 && list.wake_first() {
            left -= 1;
        }
    }

    /// As `notify(Some(1))`: where the waiter runs is the process's scheduler's business.
    pub fn notify_sync(&self) {
        self.notify(Some(1));
    }
}

/// `None` when it is too far to be told.
fn deadline_in(jiffies: Jiffies) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(jiffies.saturating_mul(1000 / HZ)))
}

fn left_until(timeout: Option<Jiffies>, deadline: Option<Instant>) -> Jiffies {
    match deadline {
        None => timeout.unwrap_or(Jiffies::MAX),
        // Rounded up: what has not passed is left.
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            left.as_micros().div_ceil(1_000_000 / u128::from(HZ)) as Jiffies
        }
    }
}
