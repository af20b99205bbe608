// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Messages written from the protocol's document, without the crate's own structures.
#![allow(dead_code)] // each test takes what it needs

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
};

pub const VERSION: u16 = 1;
pub const DMA_MAP: u16 = 2;
pub const DMA_UNMAP: u16 = 3;
pub const GET_INFO: u16 = 4;
pub const GET_REGION_INFO: u16 = 5;
pub const GET_IRQ_INFO: u16 = 7;
pub const SET_IRQS: u16 = 8;
pub const REGION_READ: u16 = 9;
pub const REGION_WRITE: u16 = 10;
pub const RESET: u16 = 13;

pub const NO_REPLY: u32 = 0x10;
pub const REPLY: u32 = 1;
pub const ERROR: u32 = 0x20;

/// A header and what follows it.
pub fn message(id: u16, command: u16, flags: u32, error: u32, payload: &[u8]) -> Vec<u8> {
    let size = 16 + payload.len() as u32;
    let mut bytes = Vec::new();
    bytes.extend(id.to_ne_bytes());
    bytes.extend(command.to_ne_bytes());
    for word in [size, flags, error] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.extend(payload);
    bytes
}

/// Dwords in a row.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Quadwords in a row.
pub fn longs(longs: &[u64]) -> Vec<u8> {
    longs.iter().flat_map(|long| long.to_ne_bytes()).collect()
}

/// An access's offset, region and count.
pub fn access(offset: u64, region: u32, count: u32) -> Vec<u8> {
    [longs(&[offset]), words(&[region, count])].concat()
}

/// A message that was received.
#[derive(Debug)]
pub struct Message {
    pub id: u16,
    pub command: u16,
    pub flags: u32,
    pub error: u32,
    pub payload: Vec<u8>,
}

/// Reads one message; `None` at the end of the connection.
pub fn receive(stream: &mut UnixStream) -> Option<Message> {
    let mut header = [0; 16];
    stream.read_exact(&mut header).ok()?;
    let half = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
    let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
    let mut payload = vec![0; word(4) as usize - 16];
    stream.read_exact(&mut payload).ok()?;
    Some(Message {
        id: half(0),
        command: half(2),
        flags: word(8),
        error: word(12),
        payload,
    })
}

/// Asks, and reads the answer.
pub fn ask(stream: &mut UnixStream, command: u16, payload: &[u8]) -> Message {
    stream
        .write_all(&message(7, command, 0, 0, payload))
        .unwrap();
    let reply = receive(stream).expect("an answer");
    assert_eq!((reply.id, reply.command), (7, command));
    assert_eq!(reply.flags & REPLY, REPLY);
    reply
}
