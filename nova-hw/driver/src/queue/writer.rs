// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Words into the slots of a push buffer, and an entry of the ring for each slot.

use nova_pci::{DmaMemory, PciError};
use nova_spec::host::GpEntry;
use zerocopy::{little_endian::U32, IntoBytes};

use super::layout::{entry, slot, SLOT_WORDS};
use crate::copy::Push;

/// Writes a submission, from an entry on. Nothing of it counts before `GP_PUT` is written.
pub(super) struct Writer<'a> {
    memory: &'a DmaMemory,
    /// Where the GPU sees the memory.
    va: u64,
    /// The entry of the slot that is being filled.
    put: u64,
    words: [U32; SLOT_WORDS],
    len: usize,
    result: Result<(), PciError>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(memory: &'a DmaMemory, va: u64, put: u64) -> Self {
        Self {
            memory,
            va,
            put,
            words: [U32::ZERO; SLOT_WORDS],
            len: 0,
            result: Ok(()),
        }
    }

    /// Writes the slot that is being filled, and its entry.
    fn flush(&mut self) -> Result<(), PciError> {
        if self.len == 0 {
            return Ok(());
        }
        let slot = slot(self.put);
        let words = &self.words[..self.len];
        self.memory.write(slot, words.as_bytes())?;
        // PANIC: a queue is below 2^40 and on a page, and a slot has words, but not 2^21.
        let push = GpEntry::push(self.va + slot, self.len as u32).expect("an entry of a ring");
        self.memory.store64(entry(self.put), push.raw_value())?;
        self.put += 1;
        self.len = 0;
        Ok(())
    }

    /// Writes what is left; the entry after the last.
    pub(super) fn finish(mut self) -> Result<u64, PciError> {
        std::mem::replace(&mut self.result, Ok(()))?;
        self.flush()?;
        Ok(self.put)
    }
}

impl Push for Writer<'_> {
    fn push(&mut self, words: &[u32]) {
        if self.result.is_err() {
            return;
        }
        if self.len + words.len() > SLOT_WORDS {
            self.result = self.flush();
        }
        for (place, &word) in self.words[self.len..].iter_mut().zip(words) {
            *place = word.into();
        }
        self.len += words.len();
    }
}

/// How many slots a submission takes: what [`Writer`] does, without writing.
#[derive(Debug, Default)]
pub(super) struct Counter {
    slots: u64,
    len: usize,
}

impl Counter {
    /// The slots so far.
    pub(super) fn slots(&self) -> u64 {
        self.slots + u64::from(self.len > 0)
    }
}

impl Push for Counter {
    fn push(&mut self, words: &[u32]) {
        if self.len + words.len() > SLOT_WORDS {
            self.slots += 1;
            self.len = 0;
        }
        self.len += words.len();
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::{ENTRIES, LEN, PUSH, RING, SLOT};
    use super::*;

    const VA: u64 = 0x12_3450_0000;

    #[test]
    fn a_submission_is_slots_and_entries() {
        let memory = DmaMemory::new(LEN).unwrap();
        // The last slot, then the first: slots are not in a row across the ring's end.
        let put = ENTRIES - 1;
        let (mut writer, mut counter) = (Writer::new(&memory, VA, put), Counter::default());
        for word in 0..9u32 {
            writer.push(&[word; 15]);
            counter.push(&[word; 15]);
        }
        assert_eq!(counter.slots(), 3);
        assert_eq!(writer.finish().unwrap(), put + 3);
        let entry = |index: u64| memory.load64(RING + index * 8).unwrap();
        let expected = |slot: u64, words: u64| (VA + PUSH + slot * SLOT) | words << 42;
        assert_eq!(entry(ENTRIES - 1), expected(ENTRIES - 1, 60));
        assert_eq!(entry(0), expected(0, 60));
        assert_eq!(entry(1), expected(1, 15));
        assert_eq!(entry(2), 0);
        assert_eq!(memory.load32(PUSH + SLOT).unwrap(), 8);
        assert_eq!(memory.load32(PUSH + 60).unwrap(), 5);
    }

    #[test]
    fn nothing_is_no_slot() {
        let memory = DmaMemory::new(LEN).unwrap();
        assert_eq!(Writer::new(&memory, VA, 7).finish().unwrap(), 7);
        assert_eq!(Counter::default().slots(), 0);
    }
}
