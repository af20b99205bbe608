// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Descriptor chains: step 1 of the checks in `docs/virtio-nova.md`, section 6.1.
//!
//! `virtio_queue::DescriptorChain` ends silently on a loop, on an index out of range and on a
//! nested indirect table, and leaves the order of readable and writable descriptors to its user.
//! Each of these has its own answer here, so this module walks the chain itself.

use std::fmt;

use virtio_queue::desc::split::Descriptor;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, VolatileSlice};

/// Descriptors in one chain, at most: the largest ring. An indirect table may have more entries;
/// this bounds the time that one chain can take.
pub const MAX_DESCRIPTORS: usize = 1024;

const DESCRIPTOR_SIZE: u64 = size_of::<Descriptor>() as u64;

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It loops, or is longer than its table.
    TooManyDescriptors,
    /// `next` or the head is outside the table.
    IndexOutOfRange,
    /// A descriptor, or an indirect table, is not inside guest memory.
    OutsideMemory,
    /// A device-readable descriptor comes after a device-writable one.
    ReadableAfterWritable,
    /// An indirect table that is nested, not negotiated, followed by more, or of no whole entries.
    BadIndirect,
    /// More readable bytes than any request has.
    RequestTooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyDescriptors => "it loops or has too many descriptors",
            Self::IndexOutOfRange => "a descriptor index is out of range",
            Self::OutsideMemory => "a descriptor is outside guest memory",
            Self::ReadableAfterWritable => "a readable descriptor follows a writable one",
            Self::BadIndirect => "its indirect table is malformed",
            Self::RequestTooLong => "it has too many readable bytes",
        })
    }
}

/// Where a chain starts.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Index of the first descriptor.
    pub index: u16,
    /// Entries of the ring's descriptor table.
    pub entries: u16,
    /// Whether indirect tables were negotiated.
    pub indirect: bool,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    addr: GuestAddress,
    len: usize,
}

/// One chain: the request as a copy, and the places for the answer. Reused from chain to chain,
/// so that none of them allocates.
#[derive(Debug)]
pub struct Chain {
    request: Vec<u8>,
    max_request: usize,
    has_readable: bool,
    writable: Vec<Segment>,
    /// Bytes in `writable`, no more than `max_answer`.
    writable_len: usize,
    max_answer: usize,
    fault: Option<Fault>,
}

/// A table of descriptors. An indirect one may span regions.
enum Table<'a> {
    Ring(VolatileSlice<'a>),
    Indirect(GuestAddress),
}

impl Chain {
    /// A chain that takes requests and answers of at most so many bytes.
    pub fn new(max_request: usize, max_answer: usize) -> Self {
        Self {
            request: Vec::with_capacity(max_request),
            max_request,
            has_readable: false,
            // A segment has at least one byte, and segments past the answer are not kept.
            writable: Vec::with_capacity(max_answer),
            writable_len: 0,
            max_answer,
            fault: None,
        }
    }

    /// The readable bytes. Only part of them when there is a [`fault`](Self::fault).
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Whether there is a readable descriptor, be it an empty one.
    pub fn has_readable(&self) -> bool {
        self.has_readable
    }

    /// Writable bytes found in guest memory, counted up to the largest answer.
    pub fn writable_len(&self) -> usize {
        self.writable_len
    }

    /// The first thing that was found wrong.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Walks a chain and copies its readable bytes, once. Goes on past a fault as far as the
    /// chain can be walked, because writable bytes may follow that take the error answer.
    ///
    /// `table` is the ring's descriptor table, of `head.entries` entries.
    pub fn read(&mut self, mem: &GuestMemoryMmap, table: VolatileSlice<'_>, head: Head) {
        self.request.clear();
        self.has_readable = false;
        self.writable.clear();
        self.writable_len = 0;
        self.fault = None;
        if let Err(fault) = self.walk(mem, table, head) {
            self.fault.get_or_insert(fault);
        }
    }

    /// Writes an answer to the writable bytes and returns the used length; 0 when there is not
    /// enough room, or the memory is not there any more.
    pub fn write(&self, mem: &GuestMemoryMmap, answer: &[u8]) -> u32 {
        if self.writable_len < answer.len() {
            return 0;
        }
        let mut rest = answer;
        for segment in &self.writable {
            let (now, later) = rest.split_at(segment.len.min(rest.len()));
            if !copy_in(mem, segment.addr, now) {
                return 0;
            }
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        answer.len() as u32
    }

    fn walk(
        &mut self,
        mem: &GuestMemoryMmap,
        table: VolatileSlice<'_>,
        head: Head,
    ) -> Result<(), Fault> {
        let mut table = Table::Ring(table);
        let mut entries = u64::from(head.entries);
        let mut index = u64::from(head.index);
        let mut left = (entries as usize).min(MAX_DESCRIPTORS);
        let mut has_writable = false;
        loop {
            if index >= entries {
                return Err(Fault::IndexOutOfRange);
            }
            left = left.checked_sub(1).ok_or(Fault::TooManyDescriptors)?;
            let descriptor = table.read(mem, index)?;
            if descriptor.refers_to_indirect_table() {
                let nested = matches!(table, Table::Indirect(_));
                if nested || !head.indirect || descriptor.has_next() {
                    return Err(Fault::BadIndirect);
                }
                entries = indirect_entries(mem, &descriptor)?;
                table = Table::Indirect(descriptor.addr());
                left = entries.min(MAX_DESCRIPTORS as u64) as usize;
                index = 0;
                continue;
            }
            if descriptor.is_write_only() {
                has_writable = true;
                self.add_writable(mem, &descriptor);
            } else {
                self.has_readable = true;
                if has_writable {
                    self.fault.get_or_insert(Fault::ReadableAfterWritable);
                }
                self.add_readable(mem, &descriptor);
            }
            if !descriptor.has_next() {
                return Ok(());
            }
            index = descriptor.next().into();
        }
    }

    fn add_readable(&mut self, mem: &GuestMemoryMmap, descriptor: &Descriptor) {
        let (start, len) = (self.request.len(), descriptor.len() as usize);
        if len == 0 || self.fault.is_some() {
            return;
        }
        if len > self.max_request - start {
            self.fault = Some(Fault::RequestTooLong);
            return;
        }
        // Does not allocate: the capacity is `max_request`.
        self.request.resize(start + len, 0);
        if !copy_out(mem, descriptor.addr(), &mut self.request[start..]) {
            self.request.truncate(start);
            self.fault = Some(Fault::OutsideMemory);
        }
    }

    fn add_writable(&mut self, mem: &GuestMemoryMmap, descriptor: &Descriptor) {
        let (addr, len) = (descriptor.addr(), descriptor.len() as usize);
        if len == 0 {
            return;
        }
        if !mem.check_range(addr, len) {
            self.fault.get_or_insert(Fault::OutsideMemory);
            return;
        }
        let len = len.min(self.max_answer - self.writable_len);
        if len > 0 {
            self.writable.push(Segment { addr, len });
            self.writable_len += len;
        }
    }
}

/// Number of entries of the indirect table that a descriptor refers to.
fn indirect_entries(mem: &GuestMemoryMmap, descriptor: &Descriptor) -> Result<u64, Fault> {
    let len = u64::from(descriptor.len());
    if len == 0 || len % DESCRIPTOR_SIZE != 0 {
        return Err(Fault::BadIndirect);
    }
    if !mem.check_range(descriptor.addr(), len as usize) {
        return Err(Fault::OutsideMemory);
    }
    Ok(len / DESCRIPTOR_SIZE)
}

impl Table<'_> {
    fn read(&self, mem: &GuestMemoryMmap, index: u64) -> Result<Descriptor, Fault> {
        let offset = index * DESCRIPTOR_SIZE;
        match self {
            Self::Ring(table) => table.read_obj(offset as usize).ok(),
            Self::Indirect(addr) => addr
                .0
                .checked_add(offset)
                .and_then(|addr| mem.read_obj(GuestAddress(addr)).ok()),
        }
        .ok_or(Fault::OutsideMemory)
    }
}

/// Copies bytes out of guest memory: the short way inside one region, which is how it is.
fn copy_out(mem: &GuestMemoryMmap, addr: GuestAddress, bytes: &mut [u8]) -> bool {
    match mem.get_slice(addr, bytes.len()) {
        Ok(slice) => slice.copy_to(bytes) == bytes.len(),
        Err(_) => mem.read_slice(bytes, addr).is_ok(),
    }
}

/// Copies bytes into guest memory, likewise.
fn copy_in(mem: &GuestMemoryMmap, addr: GuestAddress, bytes: &[u8]) -> bool {
    match mem.get_slice(addr, bytes.len()) {
        Ok(slice) => {
            slice.copy_from(bytes);
            true
        }
        Err(_) => mem.write_slice(bytes, addr).is_ok(),
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
