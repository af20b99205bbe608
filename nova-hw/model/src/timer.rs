// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Lets deferred things happen while nobody accesses the card, and channels run. The thread is
//! there only once there is something of the kind, and ends with the card.

use std::{
    sync::{Arc, OnceLock, PoisonError, Weak},
    thread::{self, Thread},
    time::Instant,
};

use parking_lot::MutexGuard;

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
        let due = turn(&card);
        drop(card);
        match due {
            None => thread::park(),
            Some(due) => {
                let rest = due.saturating_duration_since(Instant::now());
                if !rest.is_zero() {
                    thread::park_timeout(rest);
                }
            }
        }
    }
}

/// A turn of a channel, and whatever is due; when there is something again.
fn turn(card: &Card) -> Option<Instant> {
    let mut state = card.state();
    if let Some(transfer) = state.run_channels() {
        let underway = card.underway.lock();
        let underway = underway.unwrap_or_else(PoisonError::into_inner);
        drop(state);
        let done = transfer.run(&card.vram, &card.bus);
        drop(underway);
        state = card.state();
        state.transferred(done);
    }
    let due = state.advance();
    // Who waits for the card has it now, and not after the next turn.
    MutexGuard::unlock_fair(state);
    due
}
