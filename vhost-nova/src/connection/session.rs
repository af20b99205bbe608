// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a connection's worker touches, behind one lock.

use super::guest::Guest;
use super::memory::Memory;
use crate::limited;
use crate::queue::{Control, Events, Vring};

/// A guest's device, its memory and its queues.
pub struct Session {
    /// The device and who it belongs to.
    pub guest: Guest,
    memory: Memory,
    control: Control,
    events: Events,
    /// The control ring was stopped: for a pause or for a reset, as will show.
    stopped: bool,
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
            stopped: false,
        }
    }

    /// Works on both queues: a request may raise an event.
    pub fn run(&mut self, control: &Vring, event: &Vring) {
        if control.take_fresh() {
            self.reset();
        } else if std::mem::take(&mut self.stopped) {
            // It was a pause.
            self.guest.device.resume();
        }
        let mem = self.memory.regions();
        self.control.run(control, mem, &mut self.guest);
        if self.guest.device.has_event() {
            self.run_events(event);
        }
    }

    /// Works on the event queue alone.
    pub fn run_events(&mut self, event: &Vring) {
        if event.take_fresh() {
            // Those of before are not in this ring.
            self.events.clear();
        }
        self.guest.check_work();
        let mem = self.memory.regions();
        self.events.run(event, mem, &mut self.guest);
    }

    /// Takes another memory table. What is not in it any more is let go of by the GPU first.
    ///
    /// # Errors
    /// When the GPU cannot reach the memory.
    pub fn set_memory(&mut self, memory: Memory) -> anyhow::Result<()> {
        self.guest.device.set_memory(memory.regions())?;
        self.guest.watch = memory.watch();
        self.memory = memory;
        Ok(())
    }

    /// The control ring is stopped. Nothing is touched until it starts again: from where it
    /// stopped after a pause, from its first entry on after a reset.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.guest.device.pause();
        limited!(info, self.guest.tenant, "control queue stopped");
    }

    /// A device reset: frees all objects.
    pub fn reset(&mut self) {
        let objects = self.guest.device.stats().objects;
        self.guest.device.reset();
        if std::mem::take(&mut self.stopped) {
            limited!(info, self.guest.tenant, "reset, {objects} objects freed");
        }
    }

    /// The connection has ended: frees everything, and returns the number of objects that there
    /// were.
    pub fn release(&mut self) -> u64 {
        let objects = self.guest.device.stats().objects;
        self.guest.device.reset();
        self.events.clear();
        if let Err(error) = self.set_memory(Memory::default()) {
            limited!(
                error,
                self.guest.tenant,
                "letting go of guest memory: {error:#}"
            );
        }
        objects.into()
    }
}
