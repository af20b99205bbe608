// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The event queue: buffers that the driver posts, filled when something happens
//! (`docs/virtio-nova.md`, section 7).
//!
//! Buffers are taken as they come, so that a malformed one is returned at once, and the good ones
//! are held until there is an event. The device keeps the events themselves, one of each kind.

use std::collections::VecDeque;

use kernel_abi::virtio_nova::{Event, Wire};
use vm_memory::GuestMemoryMmap;

use super::chain::{Chain, Head};
use super::ring::{Broken, Ring};
use super::vring::{StateGuard, Vring};
use crate::connection::Guest;
use crate::limited;

/// Buffers that are looked at before the worker looks at anything else.
const BATCH: usize = 64;

/// The buffers at hand.
#[derive(Debug)]
pub struct Events {
    chain: Chain,
    held: VecDeque<Head>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            chain: Chain::new(0, Event::LEN),
            held: VecDeque::new(),
        }
    }
}

impl Events {
    /// Forgets the buffers: the ring that they came from is stopped.
    pub fn clear(&mut self) {
        self.held.clear();
    }

    /// Takes posted buffers and fills them with what is pending.
    pub fn run(&mut self, vring: &Vring, mem: &GuestMemoryMmap, guest: &mut Guest) {
        use vhost_user_backend::VringT;
        let mut state = vring.get_mut();
        if !state.is_live() {
            return;
        }
        match self.serve(&mut state, mem, guest) {
            Ok(false) => {}
            Ok(true) => {
                drop(state);
                vring.kick_again();
            }
            Err(broken) => {
                state.set_broken();
                limited!(warn, guest.tenant, "the event queue is broken: {broken}");
            }
        }
    }

    /// True when there is more to take.
    fn serve(
        &mut self,
        state: &mut StateGuard<'_>,
        mem: &GuestMemoryMmap,
        guest: &mut Guest,
    ) -> Result<bool, Broken> {
        let mut ring = Ring::new(state.get_queue_mut(), mem, guest.has_indirect())?;
        self.fill(&mut ring, mem, guest)?;
        let mut more = true;
        for _ in 0..BATCH {
            let Some(head) = ring.pop()? else {
                more = ring.enable_kicks()?;
                break;
            };
            self.chain.read(mem, ring.table(), head);
            if self.is_usable() {
                if self.held.len() >= head.entries.into() {
                    return Err(Broken::AvailIndex);
                }
                self.held.push_back(head);
                self.fill(&mut ring, mem, guest)?;
            } else {
                limited!(
                    warn,
                    guest.tenant,
                    "an event buffer that can not take an event"
                );
                ring.push_used(head, 0)?;
            }
        }
        if ring.needs_notification()? {
            guest.notify(state);
        }
        Ok(more)
    }

    /// Fills held buffers with pending events.
    fn fill(
        &mut self,
        ring: &mut Ring<'_>,
        mem: &GuestMemoryMmap,
        guest: &mut Guest,
    ) -> Result<(), Broken> {
        while guest.device.has_event() {
            let Some(head) = self.held.pop_front() else {
                break;
            };
            // What happens from here on is another event, and not lost with this one.
            let Some(event) = guest.device.take_event() else {
                self.held.push_front(head);
                break;
            };
            // The guest may have changed the chain since it was taken.
            self.chain.read(mem, ring.table(), head);
            let usable = self.is_usable();
            let len = if usable {
                self.chain.write(mem, &event.to_bytes())
            } else {
                0
            };
            if len == 0 {
                guest.device.put_back_event(event);
            }
            ring.push_used(head, len)?;
        }
        Ok(())
    }

    fn is_usable(&self) -> bool {
        let chain = &self.chain;
        chain.fault().is_none() && !chain.has_readable() && chain.writable_len() >= Event::LEN
    }
}
