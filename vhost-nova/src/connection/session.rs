// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a connection's worker touches, behind one lock.

use super::guest::Guest;
use super::memory::Memory;
use crate::queue::{Control, Events, Vring};

/// A guest's device, its memory and its queues.
pub struct Session {
    /// The device and who it belongs to.
    pub guest: Guest,
    memory: Memory,
    control: Control,
    events: Events,
}

impl Session {
    /// A session without memory yet.
    pub fn new(guest: Guest) -> Self {
        let control = Control::new(guest.device.max_request_len());
        Self {
            guest,
            memory: Memory::default(),
            control,
            events: Events::default(),
        }
    }

    /// Works on both queues: a request may raise an event.
    pub fn run(&mut self, control: &Vring, event: &Vring) {
        let mem = self.memory.regions();
        self.control.run(control, mem, &mut self.guest);
        if self.guest.device.pending_event().is_some() {
            self.run_events(event);
        }
    }

    /// Works on the event queue alone.
    pub fn run_events(&mut self, event: &Vring) {
        let mem = self.memory.regions();
        self.events.run(event, mem, &mut self.guest);
    }

    /// Takes another memory table.
    pub fn set_memory(&mut self, memory: Memory) {
        self.guest.watch = memory.watch();
        self.memory = memory;
    }

    /// A device reset: frees all objects.
    pub fn reset(&mut self) {
        self.guest.device.reset();
        self.events.clear();
    }

    /// Forgets the event buffers: their ring is stopped.
    pub fn clear_events(&mut self) {
        self.events.clear();
    }
}
