// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Lets deferred things happen while nobody accesses the card. The thread is there only once
//! something was deferred, and ends with the card.

use std::{
    sync::{Arc, OnceLock, Weak},
    thread::{self, Thread},
    time::Instant,
};

use crate::device::Card;

/// The thread's handle, once there is one.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    thread: OnceLock<Thread>,
}

impl Timer {
    /// Something waits: the thread looks when.
    pub(crate) fn wake(card: &Arc<Card>) {
        let start = || {
            let card = Arc::downgrade(card);
            let named = thread::Builder::new().name("nova-model".into());
            named
                .spawn(move || run(&card))
                .map(|join| join.thread().clone())
        };
        let timer = &card.timer.thread;
        let thread = match timer.get() {
            Some(thread) => thread,
            None => match start() {
                Ok(thread) => timer.get_or_init(|| thread),
                // Then the next access lets it happen.
                Err(error) => return tracing::warn!(%error, "no thread for what is deferred"),
            },
        };
        thread.unpark();
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

fn run(card: &Weak<Card>) {
    while let Some(card) = card.upgrade() {
        let due = card.state().advance();
        drop(card);
        match due {
            None => thread::park(),
            Some(due) => thread::park_timeout(due.saturating_duration_since(Instant::now())),
        }
    }
}
