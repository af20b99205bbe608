// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What all parts of a device have in common.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    Arc, Weak,
};

use nova_pci::Pci;
use nova_spec::{
    register::{FixedRegister, Register},
    regs::NV_VIRTUAL_FUNCTION_DOORBELL,
    rm::Class,
};
use parking_lot::Mutex;

use super::{budget::Budget, owner::OwnerParts, scrub::ScrubQueue, WorkError};
use crate::{
    card::Card,
    error::Cause,
    event::{Channels, Signal},
    mem::MemoryManager,
    rm::{CopyEngine, Engines, SharedRm},
};

/// A channel's class, from Ampere to Ada.
pub(crate) const CHANNEL_CLASS: Class = Class::AMPERE_CHANNEL_GPFIFO_A;
/// A copy engine's class, of GA10x and Ada.
pub(crate) const COPY_CLASS: Class = Class::AMPERE_DMA_COPY_B;

/// What all parts of a device share.
pub(crate) struct Shared<P: Pci> {
    pub(crate) card: Arc<Card<P>>,
    pub(crate) rm: Arc<SharedRm<P>>,
    pub(crate) memory: Arc<MemoryManager<P>>,
    pub(crate) engines: Engines,
    /// One for each of the copy engines, in their order.
    pub(crate) signals: Vec<Arc<Signal>>,
    pub(crate) channels: Arc<Channels>,
    pub(super) budget: Arc<Budget>,
    pub(super) owners: Mutex<Vec<Weak<OwnerParts<P>>>>,
    /// The daemon's channel.
    pub(super) scrubber: Mutex<Weak<Mutex<ScrubQueue<P>>>>,
    /// Whether somebody takes care of interrupts.
    pub(crate) has_interrupts: AtomicBool,
}

impl<P: Pci> Shared<P> {
    /// The copy engine `COPY{index}` and its notifications.
    pub(crate) fn copy_engine(&self, index: u32) -> Result<(CopyEngine, &Arc<Signal>), WorkError> {
        let mut engines = self.engines.copy.iter().zip(&self.signals);
        let found = engines.find(|(engine, _)| engine.index == index);
        let (engine, signal) = found.ok_or(WorkError::NoEngine(index))?;
        Ok((*engine, signal))
    }

    /// Whether interrupts of that engine are taken care of: else who waits has to look.
    pub(crate) fn wakes(&self, engine: &CopyEngine) -> bool {
        engine.non_stall.is_some() && self.has_interrupts.load(Ordering::Relaxed)
    }

    /// Tells the host engine that a channel has work.
    pub(crate) fn ring_doorbell(&self, token: u32) -> Result<(), Cause> {
        let doorbell = NV_VIRTUAL_FUNCTION_DOORBELL::from_raw(token);
        self.card
            .registers
            .write_at(NV_VIRTUAL_FUNCTION_DOORBELL::LOCATION, doorbell)
    }
}
