// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What is where in a queue's memory: the fence's page, the ring, and a slot of the push buffer
//! for each entry of the ring. USERD is in a page of its own that no address space has.

use nova_pci::PAGE_SIZE;

/// Entries of the ring, one of which stays free.
pub(super) const ENTRIES: u64 = 512;
/// Words of a slot.
pub(super) const SLOT_WORDS: usize = 64;
/// Bytes of a slot.
pub(super) const SLOT: u64 = SLOT_WORDS as u64 * 4;
/// The fence: a 64-bit number, then the time in nanoseconds.
pub(super) const FENCE: u64 = 0;
/// The time.
pub(super) const FENCE_TIME: u64 = 8;
/// The ring.
pub(super) const RING: u64 = PAGE_SIZE;
/// The push buffer.
pub(super) const PUSH: u64 = RING + ENTRIES * 8;
/// Bytes of all.
pub(super) const LEN: u64 = PUSH + ENTRIES * SLOT;

const _: () = {
    assert!(PUSH % PAGE_SIZE == 0 && LEN % PAGE_SIZE == 0);
    assert!(ENTRIES.is_power_of_two());
    assert!(SLOT_WORDS >= crate::copy::MAX_WORDS);
};

/// Where the entry of a position is in the ring.
pub(super) const fn entry(position: u64) -> u64 {
    RING + position % ENTRIES * 8
}

/// Where the slot of a position is.
pub(super) const fn slot(position: u64) -> u64 {
    PUSH + position % ENTRIES * SLOT
}
