// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What happens later: things in a queue, each with the time from which on it may happen.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use fastrand::Rng;

/// Most things that wait. Past it the oldest no longer does.
const MAX_WAITING: usize = 256;

/// Draws how long things take.
#[derive(Debug)]
pub(crate) struct Delays {
    rng: Rng,
    longest: Duration,
}

impl Delays {
    pub(crate) fn new(seed: u64, longest: Duration) -> Self {
        let rng = Rng::with_seed(seed);
        Self { rng, longest }
    }

    pub(crate) fn draw(&mut self) -> Duration {
        self.longest.mul_f64(self.rng.f64())
    }
}

/// A queue of things that happen in their order, none before its time.
#[derive(Debug)]
pub(crate) struct Deferred<T> {
    queue: VecDeque<(Instant, T)>,
}

impl<T> Default for Deferred<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
        }
    }
}

impl<T> Deferred<T> {
    /// Adds what happens in `delay`, or right after what waits before it.
    pub(crate) fn push(&mut self, delay: Duration, thing: T) {
        let due = Instant::now() + delay;
        let before = self.queue.back().map_or(due, |(before, _)| *before);
        self.queue.push_back((due.max(before), thing));
    }

    /// Adds what happens next, or right after what waits before it.
    pub(crate) fn push_now(&mut self, thing: T) {
        self.push(Duration::ZERO, thing);
    }

    /// The next one, if its time has come or there are too many.
    pub(crate) fn front_due(&self, now: Instant) -> Option<&T> {
        let due = self.next_due()? <= now || self.queue.len() > MAX_WAITING;
        let (_, thing) = self.queue.front().filter(|_| due)?;
        Some(thing)
    }

    /// Takes the next one, if its time has come or there are too many.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        self.front_due(now)?;
        self.pop()
    }

    /// Takes the next one, whatever its time.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.queue.pop_front().map(|(_, thing)| thing)
    }

    /// When the next one happens.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.queue.front().map(|(due, _)| *due)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn the_order_is_kept_whatever_the_delays() {
        let mut deferred = Deferred::default();
        deferred.push(LONG, 1);
        deferred.push(Duration::ZERO, 2);
        let now = Instant::now();
        assert_eq!(deferred.pop_due(now), None);
        assert_eq!(deferred.pop_due(now + 2 * LONG), Some(1));
        assert_eq!(deferred.pop_due(now), None);
        assert_eq!(deferred.pop(), Some(2));
        assert!(deferred.len() == 0 && deferred.next_due().is_none());
    }

    #[test]
    fn not_too_many_wait() {
        let mut deferred = Deferred::default();
        for i in 0..=MAX_WAITING {
            deferred.push(LONG, i);
        }
        let now = Instant::now();
        assert_eq!(deferred.pop_due(now), Some(0));
        assert_eq!(deferred.pop_due(now), None);
    }

    #[test]
    fn the_same_seed_draws_the_same_delays() {
        let draw = |seed| {
            let mut delays = Delays::new(seed, LONG);
            [delays.draw(), delays.draw()]
        };
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
        assert!(draw(7).into_iter().all(|delay| delay <= LONG));
    }
}
