// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The daemon's own channel, which fills VRAM with zeros by its physical address. It is the only
//! privileged one, and nobody's memory is its push buffer.

use std::{sync::Arc, time::Duration};

use nova_pci::Pci;

use super::{OwnerParts, Space, WorkError};
use crate::{
    copy::Operation,
    mem::{Extents, MemoryManager, ScrubError, Scrubber},
    queue::{CopyQueue, Fence, SubmitError},
};

/// Addresses of the daemon's space: it has its own ring and nothing else.
const SPACE: std::ops::Range<u64> = 1 << 20..1 << 30;
/// Where the ring is in it.
const QUEUE: u64 = 1 << 21;
/// The most that one submission scrubs.
const BATCH: usize = 16;
/// Bytes that are taken from the VRAM manager at once.
const CHUNK: u64 = 1 << 30;
/// How long a scrub may take.
// TIMEOUT: a card fills 1 GiB in some milliseconds and a model in some hundred; one that takes
// longer than this hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// The channel.
pub(super) struct ScrubQueue<P: Pci> {
    queue: CopyQueue<P>,
    memory: Arc<MemoryManager<P>>,
}

impl<P: Pci> ScrubQueue<P> {
    pub(super) fn new(daemon: &Arc<OwnerParts<P>>, engine: u32) -> Result<Self, WorkError> {
        let space = Arc::new(Space::new(daemon, SPACE)?);
        Ok(Self {
            queue: CopyQueue::new(daemon, &space, engine, QUEUE, true)?,
            memory: daemon.device.memory.clone(),
        })
    }

    /// Scrubs all that is dirty; how many bytes it was.
    pub(super) fn scrub_all(&mut self) -> Result<u64, ScrubError> {
        let vram = self.memory.vram().clone();
        vram.scrub(self, CHUNK)
    }

    /// Submits, once there is room.
    fn submit(
        &self,
        operations: &[Operation],
        before: Option<&Fence<P>>,
    ) -> Result<Fence<P>, ScrubError> {
        loop {
            match self.queue.submit_operations(operations) {
                Ok(fence) => return Ok(fence),
                Err(SubmitError::Full) if before.is_some() => {
                    if let Some(before) = before {
                        before.wait(LIMIT).map_err(failed)?;
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

impl<P: Pci> Scrubber for ScrubQueue<P> {
    fn scrub(&mut self, extents: &Extents) -> Result<(), ScrubError> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut last = None;
        let mut pieces = extents.iter().peekable();
        while let Some(extent) = pieces.next() {
            let (dst, len) = (extent.address, extent.len);
            batch.push(Operation::Scrub { dst, len });
            if batch.len() == BATCH || pieces.peek().is_none() {
                last = Some(self.submit(&batch, last.as_ref())?);
                batch.clear();
            }
        }
        if let Some(last) = last {
            last.wait(LIMIT).map_err(failed)?;
        }
        // The engine has flushed what it wrote; this is for what reads past it.
        self.memory.tlb().flush().map_err(failed)
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ScrubError {
    ScrubError(error.into())
}
