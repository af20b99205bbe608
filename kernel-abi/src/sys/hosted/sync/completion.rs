// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Completions: a count, as in C.

use super::super::primitives::{Condvar, Mutex};
use crate::error::Result;
use core::convert::Infallible;
use pinned_init::PinInit;

/// Lets everybody go on.
const ALL: u32 = u32::MAX;

/// How many may go on, and who waits for that.
pub struct RawCompletion {
    done: Mutex<u32>,
    wake: Condvar,
}

impl RawCompletion {
    /// Nobody may go on.
    pub fn new() -> impl PinInit<Self, Infallible> {
        Self {
            done: Mutex::new(0),
            wake: Condvar::new(),
        }
    }

    /// One may go on.
    pub fn complete(&self) {
        let mut done = self.done.lock();
        *done = done.saturating_add(1);
        self.wake.notify_one();
    }

    /// All may go on, for ever.
    pub fn complete_all(&self) {
        *self.done.lock() = ALL;
        self.wake.notify_all();
    }

    /// Waits until this one may go on.
    pub fn wait(&self) {
        let mut done = self.done.lock();
        while *done == 0 {
            self.wake.wait(&mut done);
        }
        if *done != ALL {
            *done -= 1;
        }
    }

    /// As [`RawCompletion::wait`]: nobody kills a thread.
    pub fn wait_killable(&self) -> Result {
        self.wait();
        Ok(())
    }
}
