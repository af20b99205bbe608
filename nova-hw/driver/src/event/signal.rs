// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Who waits for an engine, and is woken.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The notifications of one engine. Those who wait look at their own fences when it is raised.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    raised: Mutex<u64>,
    changed: Condvar,
}

impl Signal {
    /// Wakes all who wait.
    pub(crate) fn raise(&self) {
        *self.raised.lock() += 1;
        self.changed.notify_all();
    }

    /// How often it was raised: to be asked before the look at whatever it tells of.
    pub(crate) fn count(&self) -> u64 {
        *self.raised.lock()
    }

    /// Waits until it was raised more often than `seen` times, or `limit` is over.
    pub(crate) fn wait(&self, seen: u64, limit: Duration) {
        let end = Instant::now() + limit;
        let mut raised = self.raised.lock();
        while *raised == seen && !self.changed.wait_until(&mut raised, end).timed_out() {}
    }
}
