// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The queues between driver and GSP, in system memory: a page of the addresses of all pages,
//! then two queues of a header page and 63 elements of a page each.
//!
//! A queue's header page is written by its sender alone: the `tx` header with the place where
//! it writes next in the queue, and the `rx` header with the place where it reads next in the
//! *other* queue. A [`Channel`] has the two pointers of one direction together.
//!
//! Follows `message_queue_cpu.c` and `msgq_priv.h` of open-gpu-kernel-modules.
#![allow(non_snake_case)] // NVIDIA's names

use core::ops::Range;

use zerocopy::{little_endian::U32, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{bytes::structure, error::FormatError, gsp::GSP_PAGE_SIZE};

/// Bytes of an element.
pub const ELEMENT_SIZE: u32 = GSP_PAGE_SIZE as u32;
/// Elements of a queue.
pub const ELEMENT_COUNT: u32 = 63;
/// Bytes of a queue with its header page.
pub const QUEUE_SIZE: u32 = (ELEMENT_COUNT + 1) * ELEMENT_SIZE;
/// Pages of the queues' memory.
pub const QUEUE_MEMORY_PAGES: u32 = 1 + 2 * (ELEMENT_COUNT + 1);
/// Bytes of the queues' memory.
pub const QUEUE_MEMORY_SIZE: u64 = QUEUE_MEMORY_PAGES as u64 * GSP_PAGE_SIZE;

/// `msgqTxHeader`: a queue, and where its sender writes next.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct MsgqTxHeader {
    /// 0.
    pub version: U32,
    /// Bytes of the queue with its header page.
    pub size: U32,
    /// Bytes of an element.
    pub msgSize: U32,
    /// Elements.
    pub msgCount: U32,
    /// The element that is written next.
    pub writePtr: U32,
    /// 1: there is an `rx` header.
    pub flags: U32,
    /// Offset of the `rx` header from this one.
    pub rxHdrOff: U32,
    /// Offset of the first element from this header.
    pub entryOff: U32,
}

const _: () = assert!(size_of::<MsgqTxHeader>() == 32);

const WRITE_PTR: u64 = 0x10;
const RX_HEADER: u64 = size_of::<MsgqTxHeader>() as u64;

impl MsgqTxHeader {
    /// The header of an empty queue.
    pub fn new() -> Self {
        Self {
            version: 0.into(),
            size: QUEUE_SIZE.into(),
            msgSize: ELEMENT_SIZE.into(),
            msgCount: ELEMENT_COUNT.into(),
            writePtr: 0.into(),
            flags: 1.into(),
            rxHdrOff: (RX_HEADER as u32).into(),
            entryOff: ELEMENT_SIZE.into(),
        }
    }

    /// Reads the header of the other side and checks that its queue is as this crate has it.
    pub fn check(bytes: &[u8]) -> Result<&Self, FormatError> {
        let header: &Self = structure(bytes, "msgqTxHeader", 0u64)?;
        let own = Self::new();
        for (field, value, right, expected) in [
            ("version", header.version, own.version, "0"),
            ("size", header.size, own.size, "0x40000"),
            ("msgSize", header.msgSize, own.msgSize, "0x1000"),
            ("msgCount", header.msgCount, own.msgCount, "63"),
            ("rxHdrOff", header.rxHdrOff, own.rxHdrOff, "0x20"),
            ("entryOff", header.entryOff, own.entryOff, "0x1000"),
        ] {
            if value != right {
                return Err(FormatError::value(field, value, expected));
            }
        }
        Ok(header)
    }

    /// Whether the other side has written its header yet: its memory starts as zeros.
    pub fn is_written(&self) -> bool {
        self.entryOff.get() != 0
    }
}

impl Default for MsgqTxHeader {
    fn default() -> Self {
        Self::new()
    }
}

/// A queue: offsets in the queues' memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its header page, at whose start the `tx` header is.
    pub header: u64,
}

/// The driver sends commands here.
pub const COMMAND_QUEUE: Queue = Queue { header: 0x1000 };
/// GSP sends answers and events here.
pub const STATUS_QUEUE: Queue = Queue { header: 0x4_1000 };

/// One direction: offsets in the queues' memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Where the sender's `writePtr` is, 4 bytes.
    pub write_ptr: u64,
    /// Where the receiver's `readPtr` is, 4 bytes.
    pub read_ptr: u64,
    /// The first element.
    pub elements: u64,
}

/// From the driver to GSP.
pub const COMMANDS: Channel = Channel::new(COMMAND_QUEUE, STATUS_QUEUE);
/// From GSP to the driver.
pub const MESSAGES: Channel = Channel::new(STATUS_QUEUE, COMMAND_QUEUE);

impl Channel {
    /// The direction in which `sender` is written; the receiver reads as `receiver` says.
    pub const fn new(sender: Queue, receiver: Queue) -> Self {
        Self {
            write_ptr: sender.header + WRITE_PTR,
            read_ptr: receiver.header + RX_HEADER,
            elements: sender.header + ELEMENT_SIZE as u64,
        }
    }

    /// Where the first `len` bytes of a message are that starts with the element `start`: one
    /// run of bytes, and a second one when it goes on at the ring's start. `start` is a pointer
    /// that was checked; a length past the ring's is cut.
    pub fn runs(&self, start: u32, len: u64) -> [Range<u64>; 2] {
        let ring = u64::from(ELEMENT_COUNT) * u64::from(ELEMENT_SIZE);
        let at = (u64::from(start) * u64::from(ELEMENT_SIZE)).min(ring);
        let len = len.min(ring);
        let first = len.min(ring - at);
        [
            self.elements + at..self.elements + at + first,
            self.elements..self.elements + (len - first),
        ]
    }
}

/// Checks a pointer that the other side wrote.
pub fn check_pointer(field: &'static str, pointer: u32) -> Result<u32, FormatError> {
    if pointer < ELEMENT_COUNT {
        Ok(pointer)
    } else {
        Err(FormatError::value(field, pointer, "below 63"))
    }
}

/// Elements that were written and not read yet. Both pointers have been checked.
pub fn used(write_ptr: u32, read_ptr: u32) -> u32 {
    debug_assert!(write_ptr < ELEMENT_COUNT && read_ptr < ELEMENT_COUNT);
    (write_ptr + ELEMENT_COUNT - read_ptr) % ELEMENT_COUNT
}

/// Elements that may be written: one always stays free. Both pointers have been checked.
pub fn free(write_ptr: u32, read_ptr: u32) -> u32 {
    ELEMENT_COUNT - 1 - used(write_ptr, read_ptr)
}

/// A pointer, `elements` (at most the ring's) further on.
pub fn advance(pointer: u32, elements: u32) -> u32 {
    (pointer % ELEMENT_COUNT + elements % ELEMENT_COUNT) % ELEMENT_COUNT
}
