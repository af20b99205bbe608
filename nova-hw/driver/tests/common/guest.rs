// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A channel whose ring the test fills, as a guest does, with whatever words it likes.
#![allow(dead_code)] // each test uses a part

use std::sync::Arc;

use nova_driver::{
    mem::SystemMemory, mmu::MapFlags, Channel, Device, FaultReason, OwnerHandle, RingPlace, Space,
};
use nova_pci::Pci;
use nova_spec::host::{userd, GpEntry};

use crate::work::{limits, LONG, SPACE};

const ENTRIES: u32 = 64;
/// Where ring, push buffers and semaphore are in the address space.
pub const RING: u64 = 0x70_0000_0000;
const PUSH: u64 = 0x1000;
const LEN: u64 = 0x11000;
/// The guest's semaphore.
pub const SEMAPHORE: u64 = RING + 0x800;

pub struct Guest<P: Pci> {
    pub channel: Channel<P>,
    pub space: Arc<Space<P>>,
    pub owner: OwnerHandle<P>,
    pub memory: Arc<SystemMemory<P::Mapping>>,
    pub userd: Arc<SystemMemory<P::Mapping>>,
    put: u32,
}

impl<P: Pci + 'static> Guest<P> {
    pub fn new(device: &Device<P>, name: &str) -> Self {
        let owner = device.owner(name, limits()).unwrap();
        let space = owner.address_space(SPACE).unwrap();
        let memory = owner.alloc_system(LEN).unwrap();
        let userd = owner.alloc_system(4096).unwrap();
        let flags = MapFlags::default();
        space.map(RING, memory.clone(), 0, LEN, flags).unwrap();
        let place = RingPlace {
            va: RING,
            entries: ENTRIES,
            userd: userd.clone(),
            userd_offset: 0,
        };
        let channel = owner.channel(&space, 0, &place).unwrap();
        Self {
            channel,
            space,
            owner,
            memory,
            userd,
            put: 0,
        }
    }

    /// Puts words into the push buffer, an entry into the ring, and rings the doorbell.
    pub fn push(&mut self, words: &[u32]) {
        let at = PUSH + u64::from(self.put) * 0x400;
        for (place, word) in (at..).step_by(4).zip(words) {
            self.memory.memory().store32(place, *word).unwrap();
        }
        let entry = GpEntry::push(RING + at, words.len() as u32).unwrap();
        let place = u64::from(self.put) * 8;
        let memory = self.memory.memory();
        memory.store64(place, entry.raw_value()).unwrap();
        self.put = (self.put + 1) % ENTRIES;
        self.kick(self.put);
    }

    /// Says how far the ring is filled, and rings the doorbell.
    pub fn kick(&self, put: u32) {
        self.userd.memory().store32(userd::GP_PUT, put).unwrap();
        self.channel.ring_doorbell().unwrap();
    }

    /// Words that set the semaphore.
    pub fn release(value: u32) -> [u32; 6] {
        let header = 1 << 29 | 5 << 16 | 0x5c >> 2;
        [
            header,
            SEMAPHORE as u32,
            (SEMAPHORE >> 32) as u32,
            value,
            0,
            1 | 1 << 20,
        ]
    }

    /// The semaphore.
    pub fn semaphore(&self) -> u32 {
        self.memory.memory().load32(SEMAPHORE - RING).unwrap()
    }

    /// Waits for the channel's end.
    pub fn fault(&self, device: &Device<P>) -> FaultReason {
        let end = std::time::Instant::now() + LONG;
        loop {
            if let Some(fault) = self.channel.fault() {
                return fault;
            }
            assert!(std::time::Instant::now() < end, "the channel does not end");
            let _ = device.handle_events();
            std::thread::sleep(std::time::Duration::from_micros(100));
        }
    }
}
