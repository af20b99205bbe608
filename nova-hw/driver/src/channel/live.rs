// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! How many channels of an owner RM may run, those that are being made or freed among them.

use std::{sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

/// A look now and then: the count is of this process, so no change is missed, but a wait without
/// an end is none of a driver's.
const LOOK: Duration = Duration::from_millis(100);

/// The count.
#[derive(Debug, Default)]
pub(crate) struct LiveChannels {
    count: Mutex<usize>,
    changed: Condvar,
}

/// A channel that RM may run, until this is dropped.
#[derive(Debug)]
pub(super) struct Live(Arc<LiveChannels>);

impl LiveChannels {
    /// One more.
    pub(super) fn enter(self: &Arc<Self>) -> Live {
        *self.count.lock() += 1;
        Live(self.clone())
    }

    /// Whether there are no more than `known`; otherwise waits for a change first.
    pub(super) fn at_most(&self, known: usize) -> bool {
        let mut count = self.count.lock();
        if *count > known {
            self.changed.wait_for(&mut count, LOOK);
            return false;
        }
        true
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_sees_the_last_one_go() {
        let channels = Arc::new(LiveChannels::default());
        let (first, second) = (channels.enter(), channels.enter());
        assert!(channels.at_most(2) && !channels.at_most(1));
        let freeing = std::thread::spawn(move || drop(first));
        while !channels.at_most(1) {}
        freeing.join().unwrap();
        assert!(!channels.at_most(0));
        drop(second);
        assert!(channels.at_most(0));
    }
}
