// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Positions in a ring. They count up for ever and are cut to the ring's size where it is
//! written. A slot is free again when the fence of its submission was seen, not when its entry
//! was fetched: the words behind it may be read later than the entry.

use super::layout::ENTRIES;

/// What was submitted, and what of it is done.
#[derive(Debug)]
pub(super) struct Ring {
    /// The next entry.
    pub(super) put: u64,
    /// The first entry that may still be read.
    done: u64,
    /// The number of the last submission; its fence becomes this number.
    pub(super) submitted: u64,
    /// The last that is known to be done.
    completed: u64,
    /// The last at whose end the engine's vector is raised.
    pub(super) notified: u64,
    /// Where each submission ends, by its number.
    ends: Box<[u64]>,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self {
            put: 0,
            done: 0,
            submitted: 0,
            completed: 0,
            notified: 0,
            ends: vec![0; ENTRIES as usize].into(),
        }
    }

    /// The fence was seen at this number. One that was never submitted is a scribble: it says
    /// nothing.
    pub(super) fn complete(&mut self, number: u64) {
        if number > self.completed && number <= self.submitted {
            self.completed = number;
            self.done = self.ends[(number % ENTRIES) as usize];
        }
    }

    /// Entries that are free.
    pub(super) fn room(&self) -> u64 {
        ENTRIES - 1 - (self.put - self.done)
    }

    /// Everything up to `put` was written and is submitted; the number of that.
    pub(super) fn submit(&mut self, put: u64) -> u64 {
        self.submitted += 1;
        self.put = put;
        // INVARIANT: a submission has an entry at least, so no more than ENTRIES are under way.
        self.ends[(self.submitted % ENTRIES) as usize] = put;
        self.submitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_free_again_in_order() {
        let mut ring = Ring::new();
        assert_eq!(ring.room(), 511);
        let mut put = 0;
        for number in 1..=170 {
            put += 3;
            assert_eq!(ring.submit(put), number);
        }
        assert_eq!(ring.room(), 1);
        ring.complete(1);
        assert_eq!(ring.room(), 4);
        ring.complete(100);
        assert_eq!(ring.room(), 301);
        // Backwards, or beyond what there is: a scribble.
        ring.complete(7);
        ring.complete(171);
        ring.complete(u64::MAX);
        assert_eq!(ring.room(), 301);
        ring.complete(170);
        assert_eq!(ring.room(), 511);
    }

    #[test]
    fn the_ring_goes_round() {
        let mut ring = Ring::new();
        for number in 1..=5000 {
            let put = ring.put + 1;
            ring.submit(put);
            if number % 400 == 0 {
                assert_eq!(ring.room(), 111);
                ring.complete(number);
                assert_eq!(ring.room(), 511);
            }
        }
    }
}
