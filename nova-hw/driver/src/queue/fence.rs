// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! When something is done.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nova_pci::Pci;

use super::submit::{QueueParts, SubmitError};
use crate::event::FaultReason;

/// The longest sleep without a look: an interrupt that a platform has lost makes a wait late by
/// this, and not endless.
const LOOK: Duration = Duration::from_millis(100);
/// The first pause where nobody is woken.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
/// The last one.
const LAST_PAUSE: Duration = Duration::from_millis(1);

/// Why a fence did not come, or will not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FenceError {
    /// The channel has ended before. How much was done nobody knows.
    #[error("the channel has ended before the work was done")]
    Ended(#[source] FaultReason),
    /// It is not there yet.
    #[error("the work was not done in {0:?}")]
    Timeout(Duration),
}

/// The end of a submission, and of all before it on the same queue.
pub struct Fence<P: Pci> {
    queue: Arc<QueueParts<P>>,
    number: u64,
}

impl<P: Pci> Clone for Fence<P> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            number: self.number,
        }
    }
}

impl<P: Pci> Fence<P> {
    pub(super) fn new(queue: &Arc<QueueParts<P>>, number: u64) -> Self {
        Self {
            queue: queue.clone(),
            number,
        }
    }

    /// Whether the work is done: a look at memory.
    pub fn is_done(&self) -> bool {
        self.queue.fence_value() >= self.number
    }

    /// Whether the work is done, or an error when it never will be.
    ///
    /// # Errors
    /// [`FenceError::Ended`].
    pub fn poll(&self) -> Result<bool, FenceError> {
        // The fault is looked at first: what was done before it counts.
        let fault = self.queue.channel.state.fault();
        match (self.is_done(), fault) {
            (true, _) => Ok(true),
            (false, None) => Ok(false),
            (false, Some(reason)) => Err(FenceError::Ended(reason)),
        }
    }

    /// Waits until the work is done, for `timeout` at most.
    ///
    /// # Errors
    /// When the channel has ended first, or the time is over.
    ///
    /// # Context
    /// Sleeps. The engine is asked for an interrupt only here, once for all who wait.
    pub fn wait(&self, timeout: Duration) -> Result<(), FenceError> {
        let end = Instant::now() + timeout;
        let channel = &self.queue.channel;
        let device = &channel.owner.device;
        let signal = &channel.state.signal;
        let mut pause = FIRST_PAUSE;
        loop {
            let seen = signal.count();
            if self.poll()? {
                return Ok(());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(FenceError::Timeout(timeout));
            }
            let is_woken = device.wakes(&channel.engine) && self.ask();
            if is_woken {
                signal.wait(seen, left.min(LOOK));
            } else {
                std::thread::sleep(pause.min(left));
                pause = (pause * 2).min(LAST_PAUSE);
            }
            if !is_woken || signal.count() == seen {
                // Nobody else may look after RM's events. A card that is lost has ended the channel.
                device.rm.poke_events();
            }
        }
    }

    /// Asks for an interrupt; whether there will be one.
    fn ask(&self) -> bool {
        match self.queue.notify(self.number) {
            Ok(()) => true,
            // One of the next looks finds out.
            Err(SubmitError::Full) => false,
            Err(_) => true,
        }
    }
}
