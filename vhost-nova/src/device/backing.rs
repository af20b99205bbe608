// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The guest pages of an object, scattered as they are.

use kernel_abi::virtio_nova::{pattern_word, MemEntry, Status, Wire, PAGE_SIZE};
use vm_memory::{Address, Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};

/// Entries as a request carries them: checked, not yet copied.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a> {
    bytes: &'a [u8],
}

impl<'a> Entries<'a> {
    /// Checks `bytes` as entries: aligned, not empty, at most `room` bytes in sum, inside guest memory.
    pub(super) fn check(bytes: &'a [u8], room: u64, mem: &GuestMemoryMmap) -> Result<Self, Status> {
        let mut total = 0u64;
        let entries = Self { bytes };
        for entry in entries.iter() {
            let length = u64::from(entry.length);
            let aligned = entry.addr % PAGE_SIZE == 0 && length % PAGE_SIZE == 0;
            if !aligned || length == 0 || entry.padding != 0 {
                return Err(Status::ErrInvalidParameter);
            }
            // At most 2^32 entries of less than 2^32 bytes: the sum cannot overflow.
            total += length;
        }
        if total > room {
            return Err(Status::ErrInvalidParameter);
        }
        for entry in entries.iter() {
            let start = GuestAddress(entry.addr);
            let inside = start.checked_add(u64::from(entry.length)).is_some()
                && mem.check_range(start, entry.length as usize);
            if !inside {
                return Err(Status::ErrInvalidAddress);
            }
        }
        Ok(entries)
    }

    fn iter(&self) -> impl Iterator<Item = MemEntry> + 'a {
        let bytes: &'a [u8] = self.bytes;
        bytes
            .chunks_exact(MemEntry::LEN)
            .filter_map(MemEntry::decode)
    }

    /// How many.
    pub(super) fn len(&self) -> u32 {
        (self.bytes.len() / MemEntry::LEN) as u32
    }
}

/// A run of guest memory.
#[derive(Clone, Copy)]
struct Run {
    /// Where in the object it starts.
    offset: u64,
    addr: u64,
    length: u32,
}

/// The pages that the guest has named so far.
#[derive(Default)]
pub(super) struct Backing {
    runs: Vec<Run>,
    covered: u64,
}

impl Backing {
    /// Bytes that the entries cover.
    pub(super) fn covered(&self) -> u64 {
        self.covered
    }

    pub(super) fn entries(&self) -> u32 {
        self.runs.len() as u32
    }

    pub(super) fn capacity(&self) -> usize {
        self.runs.capacity()
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.covered = 0;
    }

    /// Makes room for `count` more entries; false when there is no memory.
    pub(super) fn reserve(&mut self, count: u32) -> bool {
        self.runs.try_reserve(count as usize).is_ok()
    }

    /// Appends entries; the caller has made room, and charged them to the tenant.
    pub(super) fn append(&mut self, entries: Entries<'_>) {
        for entry in entries.iter() {
            self.runs.push(Run {
                offset: self.covered,
                addr: entry.addr,
                length: entry.length,
            });
            self.covered += u64::from(entry.length);
        }
    }

    /// Calls `visit` for each piece of a range of the object: its offset, guest address and length,
    /// at most a page. The range is inside what is covered.
    fn pieces(
        &self,
        offset: u64,
        length: u64,
        mut visit: impl FnMut(u64, GuestAddress, usize) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let end = offset + length;
        let first = self
            .runs
            .partition_point(|run| run.offset + u64::from(run.length) <= offset);
        for run in self.runs.get(first..).unwrap_or_default() {
            if run.offset >= end {
                break;
            }
            let mut at = offset.max(run.offset);
            let run_end = end.min(run.offset + u64::from(run.length));
            while at < run_end {
                let piece_end = run_end.min((at / PAGE_SIZE + 1) * PAGE_SIZE);
                let addr = GuestAddress(run.addr + (at - run.offset));
                visit(at, addr, (piece_end - at) as usize)?;
                at = piece_end;
            }
        }
        Ok(())
    }

    /// The runs of guest memory that a range consists of: guest addresses, and bytes from there. The
    /// range is inside what is covered. `None` when there is no memory for the list.
    pub(super) fn runs(&self, offset: u64, length: u64) -> Option<Vec<(u64, u64)>> {
        let end = offset + length;
        let first = self
            .runs
            .partition_point(|run| run.offset + u64::from(run.length) <= offset);
        let last = self.runs.partition_point(|run| run.offset < end);
        let runs = self.runs.get(first..last).unwrap_or_default();
        let mut found = Vec::new();
        found.try_reserve_exact(runs.len()).ok()?;
        found.extend(runs.iter().map(|run| {
            let from = offset.max(run.offset);
            let to = end.min(run.offset + u64::from(run.length));
            (run.addr + (from - run.offset), to - from)
        }));
        Some(found)
    }

    /// CRC-32 of a range. A page that is not in guest memory any more is an error.
    pub(super) fn checksum(
        &self,
        mem: &GuestMemoryMmap,
        offset: u64,
        length: u64,
    ) -> Result<u32, Status> {
        let mut hasher = crc32fast::Hasher::new();
        // The guest may write while we read: hash a private copy.
        let mut copy = [0u8; PAGE_SIZE as usize];
        self.pieces(offset, length, |_, addr, len| {
            let copy = copy.get_mut(..len).ok_or(Status::ErrUnspec)?;
            mem.read_slice(copy, addr)
                .map_err(|_| Status::ErrInvalidAddress)?;
            hasher.update(copy);
            Ok(())
        })?;
        Ok(hasher.finalize())
    }

    /// Writes the pattern of `seed` over a range.
    pub(super) fn fill(
        &self,
        mem: &GuestMemoryMmap,
        offset: u64,
        length: u64,
        seed: u64,
    ) -> Result<(), Status> {
        let mut copy = [0u8; PAGE_SIZE as usize];
        self.pieces(offset, length, |at, addr, len| {
            let copy = copy.get_mut(..len).ok_or(Status::ErrUnspec)?;
            pattern(seed, at, copy);
            mem.write_slice(copy, addr)
                .map_err(|_| Status::ErrInvalidAddress)
        })
    }
}

/// The pattern of `seed` from byte `offset` of an object.
fn pattern(seed: u64, offset: u64, to: &mut [u8]) {
    let mut at = offset;
    let mut rest = to;
    while !rest.is_empty() {
        let word = pattern_word(seed, at / 8);
        let tail = word.get((at % 8) as usize..).unwrap_or_default();
        let take = tail.len().min(rest.len());
        let (now, later) = rest.split_at_mut(take);
        now.copy_from_slice(tail.get(..take).unwrap_or_default());
        rest = later;
        at += take as u64;
    }
}
