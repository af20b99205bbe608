// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Submitting: memory is written, then the doorbell. No memory is allocated for it, and RM is not
//! asked.

use std::sync::Arc;

use nova_pci::{DmaMemory, Pci};
use nova_spec::{gmmu::SMALL_PAGE, host::userd};
use parking_lot::Mutex;

use super::{
    fence::Fence,
    layout::{ENTRIES, FENCE, LEN, RING},
    ring::Ring,
    writer::{Counter, Writer},
};
use crate::{
    channel::ChannelParts,
    copy::{Command, CommandError, Operation, Push},
    error::Cause,
    event::FaultReason,
    mem::SystemMemory,
    rm::RmError,
};

/// Why something was not submitted. Nothing of it is carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// A command that no engine carries out.
    #[error("command {index} of the submission can not be carried out")]
    Command {
        /// Which one.
        index: usize,
        /// What is wrong with it.
        source: CommandError,
    },
    /// A segment that no ring leads to.
    #[error("segment {index} of the submission can not be fetched")]
    Segment {
        /// Which one.
        index: usize,
    },
    /// The ring is full: something has to be done first.
    #[error("the ring is full")]
    Full,
    /// It fits no ring.
    #[error("a submission of {entries} entries fits no ring")]
    TooLong {
        /// Entries of a ring that it would need.
        entries: u64,
    },
    /// The channel has ended.
    #[error("the channel has ended")]
    Ended(#[source] FaultReason),
    /// The card is lost.
    #[error(transparent)]
    Lost(RmError),
}

/// A queue: a channel, and the ring that is the driver's.
pub(super) struct QueueParts<P: Pci> {
    // The channel is off the GPU before its memory is unmapped and gone.
    pub(super) channel: Arc<ChannelParts<P>>,
    pub(super) ring: Mutex<Ring>,
    pub(super) memory: Arc<SystemMemory<P::Mapping>>,
    pub(super) userd: Arc<SystemMemory<P::Mapping>>,
    pub(super) va: u64,
    pub(super) space: Arc<crate::device::Space<P>>,
}

const _: () = assert!(LEN % SMALL_PAGE == 0);

impl<P: Pci> QueueParts<P> {
    pub(super) fn shared(&self) -> &DmaMemory {
        self.memory.memory()
    }

    /// Where the GPU writes that number.
    pub(super) fn fence_address(&self) -> u64 {
        self.va + FENCE
    }

    /// The number up to which everything is done, as the GPU wrote it.
    pub(super) fn fence_value(&self) -> u64 {
        // It is inside the memory, and aligned.
        self.shared().load64(FENCE).unwrap_or(0)
    }

    /// Submits what a user asks for; the number of the submission.
    pub(super) fn submit(&self, commands: &[Command]) -> Result<u64, SubmitError> {
        for (index, command) in commands.iter().enumerate() {
            let wrong = |source| SubmitError::Command { index, source };
            command.check().map_err(wrong)?;
        }
        let operations = commands.iter().map(|&command| Operation::Command(command));
        self.submit_all(operations, false)
    }

    /// Submits the driver's own operations; they are in order.
    pub(super) fn submit_operations(&self, operations: &[Operation]) -> Result<u64, SubmitError> {
        self.submit_all(operations.iter().copied(), false)
    }

    /// Has the engine's vector raised when everything up to submission `number` is done. Whether
    /// it will be: the ring may be full.
    pub(super) fn notify(&self, number: u64) -> Result<(), SubmitError> {
        if self.ring.lock().notified >= number {
            return Ok(());
        }
        self.submit_all(std::iter::empty(), true).map(drop)
    }

    fn submit_all(
        &self,
        operations: impl Iterator<Item = Operation> + Clone,
        notify: bool,
    ) -> Result<u64, SubmitError> {
        let mut ring = self.ring.lock();
        if let Some(reason) = self.channel.state.fault() {
            return Err(SubmitError::Ended(reason));
        }
        let fence = Operation::Fence {
            semaphore: self.fence_address(),
            value: ring.submitted + 1,
        };
        // The fence goes before the notification: who is woken finds it there.
        let operations = operations.chain([fence]);
        let operations = operations.chain(notify.then_some(Operation::Notify));
        let mut counter = Counter::default();
        operations
            .clone()
            .for_each(|operation| counter.operation(&operation));
        let entries = counter.slots();
        if entries >= ENTRIES {
            return Err(SubmitError::TooLong { entries });
        }
        ring.complete(self.fence_value());
        if entries > ring.room() {
            return Err(SubmitError::Full);
        }
        let mut writer = Writer::new(self.shared(), self.va, ring.put);
        operations.for_each(|operation| writer.operation(&operation));
        let put = writer.finish().map_err(|error| self.lose(error))?;
        let number = ring.submit(put);
        if notify {
            ring.notified = number;
        }
        self.publish(put).map_err(|error| self.lose(error))?;
        Ok(number)
    }

    /// Lets the host engine see the entries up to `put`.
    pub(super) fn publish(&self, put: u64) -> Result<(), Cause> {
        let put = (put % ENTRIES) as u32;
        // What was written before is there when this is: it is a release, and the doorbell's
        // register comes after all memory.
        self.userd
            .memory()
            .store32(userd::GP_PUT, put)
            .map_err(crate::DmaError::Access)?;
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        self.channel.ring_doorbell()
    }

    pub(super) fn lose(&self, cause: impl Into<Cause>) -> SubmitError {
        SubmitError::Lost(self.channel.owner.device.rm.lose(cause.into()))
    }

    /// The fence of a submission.
    pub(super) fn fence(self: &Arc<Self>, number: u64) -> Fence<P> {
        Fence::new(self, number)
    }

    /// Where the ring is in the address space.
    pub(super) const fn ring_va(va: u64) -> u64 {
        va + RING
    }
}

impl<P: Pci> Drop for QueueParts<P> {
    fn drop(&mut self) {
        // Whether the card is lost was said; what is mapped is let go with the space then.
        let _ = self.channel.destroy(FaultReason::Stopped);
        if let Err(error) = self.space.unmap(self.va, LEN) {
            tracing::debug!(%error, "a queue's memory stays mapped until its space goes");
        }
    }
}
