// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A driver for tests, as small as can be: it boots the model and ends it. Its numbers are
//! written out from what is known of the hardware, without `nova-spec`, so that an error there
//! is not on both sides of a test.
#![allow(dead_code, unused_imports)] // each test uses a part

mod boot;
mod falcon;
mod queue;
mod rm;
mod vbios;

use std::{cell::OnceCell, sync::Arc, time::Duration};

use nova_model::{Model, ModelBar, ModelMapping};
use nova_pci::{Bar, BarIndex, DmaMemory, Pci};

pub use boot::{Meta, Step, APP_VERSION};
pub use falcon::{Program, GSP, SEC2};
pub use queue::{checksum, message, Message};
pub use rm::*;

/// What a step of the driver met that it did not expect.
pub type Outcome<T = ()> = Result<T, String>;

/// Reads of a register after which a poll gives up.
const POLLS: usize = 1000;

/// A card, memory for it, and what the driver remembers.
pub struct Driver {
    pub model: Model,
    pub bar0: ModelBar,
    pub memory: Arc<DmaMemory>,
    /// Bus address of the memory.
    pub base: u64,
    pub meta: Meta,
    pub queues: queue::Queues,
    /// The longest wait for a message.
    pub patience: Duration,
    next: u64,
    /// The ROM's window, once it was read.
    prom: OnceCell<Vec<u8>>,
    _mapping: ModelMapping,
}

const ARENA: u64 = 8 << 20;

impl Driver {
    /// Takes a card over, with memory at a bus address that needs more than 40 bits.
    pub fn new(model: Model) -> Self {
        Self::at(model, 1 << 42 | 0x5_0000_0000)
    }

    pub fn at(model: Model, base: u64) -> Self {
        let memory = DmaMemory::new(ARENA).unwrap();
        let mapping = model.dma_map(base, &memory).unwrap();
        let bar0 = model.bar(BarIndex::Bar0).unwrap();
        enable(&model);
        Self {
            model,
            bar0,
            memory,
            base,
            meta: Meta::default(),
            queues: queue::Queues::default(),
            patience: Duration::from_secs(10),
            next: 0,
            prom: OnceCell::new(),
            _mapping: mapping,
        }
    }

    pub fn read(&self, offset: u64) -> u32 {
        self.bar0.read32(offset).unwrap()
    }

    pub fn write(&self, offset: u64, value: u32) {
        self.bar0.write32(offset, value).unwrap();
    }

    pub fn change(&self, offset: u64, change: impl Fn(u32) -> u32) {
        self.write(offset, change(self.read(offset)));
    }

    /// Reads a register until it is as wanted.
    pub fn poll(&self, what: &str, offset: u64, wanted: impl Fn(u32) -> bool) -> Outcome<u32> {
        for _ in 0..POLLS {
            let value = self.read(offset);
            if wanted(value) {
                return Ok(value);
            }
        }
        Err(format!(
            "{what}: {offset:#x} stays {:#x}",
            self.read(offset)
        ))
    }

    /// Pages of memory, zeroed: where they are in it.
    pub fn alloc(&mut self, len: u64) -> u64 {
        let at = self.next;
        self.next += len.next_multiple_of(4096);
        assert!(self.next <= ARENA, "the tests' memory is too small");
        let zeros = vec![0; (self.next - at) as usize];
        self.memory.write(at, &zeros).unwrap();
        at
    }

    /// Everything that was allocated is free again.
    pub fn free_all(&mut self) {
        self.next = 0;
    }

    pub fn bus(&self, at: u64) -> u64 {
        self.base + at
    }
}

/// Memory decode and bus mastering.
pub fn enable(model: &Model) {
    model.config_write(4, &6u16.to_le_bytes()).unwrap();
}

pub fn u16_at(bytes: &[u8], at: usize) -> usize {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()).into()
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub fn put64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}
