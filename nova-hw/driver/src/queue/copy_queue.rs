// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A queue of a copy engine.

use std::sync::Arc;

use nova_pci::{Pci, PAGE_SIZE};
use nova_spec::gmmu::VA_BITS;
use parking_lot::Mutex;

use super::{
    fence::Fence,
    layout::{ENTRIES, FENCE_TIME, LEN},
    ring::Ring,
    submit::{QueueParts, SubmitError},
};
use crate::{
    channel::{ChannelParts, Userd, Wanted},
    copy::{Command, Operation},
    device::{OwnerParts, Space, WorkError},
    event::FaultReason,
    mem::Usage,
    mmu::MapFlags,
};

/// A channel of a copy engine whose ring the driver fills. Threads may share it.
///
/// Dropping it takes the channel off the GPU; a [`Fence`] keeps it.
pub struct CopyQueue<P: Pci> {
    parts: Arc<QueueParts<P>>,
}

impl<P: Pci> CopyQueue<P> {
    /// Bytes of address space that a queue takes.
    pub const LEN: u64 = LEN;

    pub(crate) fn new(
        owner: &Arc<OwnerParts<P>>,
        space: &Arc<Space<P>>,
        engine: u32,
        va: u64,
        is_privileged: bool,
    ) -> Result<Self, WorkError> {
        let memory = &owner.device.memory;
        if va >> VA_BITS != 0 {
            let entries = ENTRIES as u32;
            return Err(WorkError::Ring { va, entries });
        }
        let buffer = memory.alloc_system(&owner.owner, Usage::Ring, LEN)?;
        let userd = memory.alloc_system(&owner.owner, Usage::Userd, PAGE_SIZE)?;
        let wanted = Wanted {
            space,
            engine,
            ring: (QueueParts::<P>::ring_va(va), ENTRIES as u32),
            userd: Userd {
                address: userd.bus_address(),
                memory: userd.clone(),
            },
            is_privileged,
        };
        let channel = ChannelParts::new(owner, &wanted)?;
        space.map(va, buffer.clone(), 0, LEN, MapFlags::default())?;
        let queue = Self {
            parts: Arc::new(QueueParts {
                channel,
                ring: Mutex::new(Ring::new()),
                memory: buffer,
                userd,
                va,
                space: space.clone(),
            }),
        };
        // The channel learns which class its copy object has before anything else.
        let bind = queue.parts.submit_operations(&[Operation::SetObject]);
        bind.map_err(|error| match error {
            SubmitError::Lost(error) => error.into(),
            // Nothing else can be wrong with an empty ring, but that the channel has ended.
            _ => WorkError::NoChannel,
        })?;
        Ok(queue)
    }

    /// Submits commands, to be carried out in order, after all that was submitted before.
    ///
    /// What the commands' addresses lead to must be mapped until the fence has ended; what is not
    /// ends the channel, and nothing else.
    ///
    /// # Errors
    /// Nothing is carried out then. On [`SubmitError::Full`], wait for an earlier fence.
    ///
    /// # Context
    /// Any thread. Allocates nothing and asks nobody: it writes memory and one register.
    pub fn submit(&self, commands: &[Command]) -> Result<Fence<P>, SubmitError> {
        let number = self.parts.submit(commands)?;
        Ok(self.parts.fence(number))
    }

    /// Submits the driver's own operations.
    pub(crate) fn submit_operations(
        &self,
        operations: &[Operation],
    ) -> Result<Fence<P>, SubmitError> {
        let number = self.parts.submit_operations(operations)?;
        Ok(self.parts.fence(number))
    }

    pub(super) fn parts(&self) -> &QueueParts<P> {
        &self.parts
    }

    /// The fence of all that was submitted.
    pub fn last(&self) -> Fence<P> {
        let number = self.parts.ring.lock().submitted;
        self.parts.fence(number)
    }

    /// When the last submission that is done was done: the GPU's clock, in nanoseconds.
    pub fn completed_at(&self) -> u64 {
        let memory = self.parts.memory.memory();
        // It is inside the memory, and aligned.
        memory.load64(FENCE_TIME).unwrap_or(0)
    }

    /// Its channel's id on the card.
    pub fn chid(&self) -> u32 {
        self.parts.channel.state.chid
    }

    /// Why the channel has ended, if it has.
    pub fn fault(&self) -> Option<FaultReason> {
        self.parts.channel.state.fault()
    }
}
