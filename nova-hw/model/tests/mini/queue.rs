// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The queues, from the driver's end. Their pages are in reverse, so that who takes them for
//! one run of addresses reads something else.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{put32, put64, u32_at, Driver, Outcome};

#[derive(Clone, Copy, Debug, Default)]
pub struct Queues {
    /// Where their memory is in the driver's.
    at: u64,
    pages: u64,
    sent: u32,
    pub received: u32,
    /// Messages that went on at the ring's start.
    pub split: u32,
    /// How often the ring's end was passed.
    pub rounds: u32,
    write_ptr: u32,
    read_ptr: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub function: u32,
    pub result: u32,
    pub payload: Vec<u8>,
}

const PAGES: u64 = 129;

impl Driver {
    /// Makes the queues and the lists that lead to them; the list's bus address.
    pub fn make_queues(&mut self) -> u64 {
        let at = self.alloc(PAGES * 4096);
        self.queues = Queues {
            at,
            pages: PAGES,
            ..Queues::default()
        };
        for page in 0..PAGES {
            let bus = self.bus(at + self.queues.place(page * 4096));
            self.memory
                .store64(at + self.queues.place(page * 8), bus)
                .unwrap();
        }
        let mut header = vec![0; 32];
        for (i, word) in [0, 0x4_0000, 0x1000, 63, 0, 1, 0x20, 0x1000]
            .into_iter()
            .enumerate()
        {
            put32(&mut header, 4 * i, word);
        }
        self.write_shared(0x1000, &header);
        let mut arguments = vec![0; 0x48];
        put64(&mut arguments, 0, self.bus(at + self.queues.place(0)));
        put32(&mut arguments, 8, PAGES as u32);
        put64(&mut arguments, 0x10, 0x1000);
        put64(&mut arguments, 0x18, 0x4_1000);
        arguments[0x30] = 1;
        let rm = self.alloc(4096);
        self.memory.write(rm, &arguments).unwrap();
        let mut libos = vec![0; 64];
        for (i, (name, size)) in [("LOGINIT", 0x1_0000), ("RMARGS", 4096)]
            .into_iter()
            .enumerate()
        {
            let id = name
                .bytes()
                .fold(0, |id, letter| id << 8 | u64::from(letter));
            put64(&mut libos, 32 * i, id);
            put64(&mut libos, 32 * i + 8, self.bus(rm));
            put64(&mut libos, 32 * i + 16, size);
            libos[32 * i + 24..32 * i + 26].copy_from_slice(&[1, 1]);
        }
        let list = self.alloc(4096);
        self.memory.write(list, &libos).unwrap();
        self.bus(list)
    }

    /// Sends a call and rings.
    pub fn send(&mut self, function: u32, payload: &[u8]) {
        let bytes = message(self.queues.sent, function, payload);
        self.send_raw(&bytes);
        self.write(0x11_0c00, 0);
    }

    /// Puts the bytes of a message into the queue.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let mut at = self.queues.write_ptr;
        for element in bytes.chunks(4096) {
            self.write_shared(0x2000 + u64::from(at) * 4096, element);
            at = (at + 1) % 63;
        }
        self.queues.sent += 1;
        self.queues.write_ptr = at;
        self.write_shared(0x1010, &at.to_le_bytes());
    }

    /// The element that the next command starts with.
    pub fn next_command(&self) -> u32 {
        self.queues.write_ptr
    }

    /// Goes on behind an element that a test wrote itself.
    pub fn skip_command(&mut self) {
        self.queues.write_ptr = (self.queues.write_ptr + 1) % 63;
    }

    /// Takes the next message of a function, over those that the driver does not know.
    pub fn receive(&mut self, function: u32) -> Outcome<Message> {
        let end = Instant::now() + self.patience;
        loop {
            match self.try_receive()? {
                Some(message) if message.function == function => return Ok(message),
                Some(message) if [0x1020, 0x101c].contains(&message.function) => {}
                Some(message) => return Err(format!("unexpected {:#x}", message.function)),
                None if Instant::now() > end => return Err(format!("no {function:#x}")),
                // Late messages come without a register access.
                None => thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// Takes the next message, if there is one.
    pub fn try_receive(&mut self) -> Outcome<Option<Message>> {
        let write_ptr = u32_at(&self.read_shared(0x4_1010, 4), 0);
        if write_ptr == self.queues.read_ptr {
            return Ok(None);
        }
        let header = self.read_shared(0x4_1000, 32);
        if [4, 8, 12, 24, 28].map(|at| u32_at(&header, at)) != [0x4_0000, 0x1000, 63, 0x20, 0x1000]
        {
            return Err(format!("the header of GSP's queue: {header:x?}"));
        }
        let read_ptr = self.queues.read_ptr;
        let first = self.element(read_ptr);
        let len = 0x30 + u32_at(&first, 0x38) as usize;
        let elements = len.div_ceil(4096);
        if elements > 16 || elements != u32_at(&first, 0x28) as usize {
            return Err(format!("{elements} elements, {len:#x} bytes"));
        }
        let mut bytes = first;
        for i in 1..elements as u32 {
            let next = self.element((read_ptr + i) % 63);
            bytes.extend(next);
        }
        bytes.truncate(len);
        if checksum(&bytes) != 0 {
            return Err("checksum".into());
        }
        if u32_at(&bytes, 0x24) != self.queues.received {
            return Err(format!("message {}", u32_at(&bytes, 0x24)));
        }
        let next = read_ptr + elements as u32;
        self.queues.received += 1;
        self.queues.rounds += next / 63;
        self.queues.split += u32::from(next > 63);
        self.queues.read_ptr = next % 63;
        self.write_shared(0x1020, &self.queues.read_ptr.to_le_bytes());
        Ok(Some(Message {
            function: u32_at(&bytes, 0x3c),
            result: u32_at(&bytes, 0x40),
            payload: bytes[0x50..].to_vec(),
        }))
    }

    fn element(&self, index: u32) -> Vec<u8> {
        self.read_shared(0x4_2000 + u64::from(index) * 4096, 4096)
    }

    pub fn read_shared(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let at = self.queues.at + self.queues.place(offset);
        self.memory.read(at, &mut bytes).unwrap();
        bytes
    }

    pub fn write_shared(&self, offset: u64, bytes: &[u8]) {
        let at = self.queues.at + self.queues.place(offset);
        self.memory.write(at, bytes).unwrap();
    }
}

impl Queues {
    /// Where an offset of the queues' memory really is, from its start.
    fn place(&self, offset: u64) -> u64 {
        (self.pages - 1 - offset / 4096) * 4096 + offset % 4096
    }
}

/// The bytes of a call.
pub fn message(sequence: u32, function: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 0x50];
    bytes.extend_from_slice(payload);
    let elements = bytes.len().div_ceil(4096) as u32;
    put32(&mut bytes, 0x24, sequence);
    put32(&mut bytes, 0x28, elements);
    put32(&mut bytes, 0x30, 0x0300_0000);
    put32(&mut bytes, 0x34, 0x4350_5256);
    put32(&mut bytes, 0x38, 32 + payload.len() as u32);
    put32(&mut bytes, 0x3c, function);
    put32(&mut bytes, 0x40, u32::MAX);
    put32(&mut bytes, 0x44, u32::MAX);
    let sum = checksum(&bytes);
    put32(&mut bytes, 0x20, sum);
    bytes
}

/// XOR of all words of 64 bits, both halves together.
pub fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = 0;
    for (i, byte) in bytes.iter().enumerate() {
        sum ^= u64::from(*byte) << (8 * (i % 8));
    }
    (sum >> 32) as u32 ^ sum as u32
}
