// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Work that somebody else has written: segments of a push buffer in the queue's address space.

use nova_pci::{EventFd, Pci};
use nova_spec::host::GpEntry;

use super::{
    copy_queue::CopyQueue,
    layout::{entry, ENTRIES},
    submit::{QueueParts, SubmitError},
    writer::{Counter, Writer},
};
use crate::copy::{Operation, Push};

/// Methods in the queue's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Virtual address below 2^40, a multiple of 4.
    pub address: u64,
    /// Dwords: at least one, less than 2^21.
    pub dwords: u32,
    /// Fetched only when all before it is done.
    pub wait: bool,
}

impl Segment {
    fn entry(&self) -> Option<GpEntry> {
        let entry = GpEntry::push(self.address, self.dwords)?;
        Some(entry.with_sync_wait(self.wait))
    }
}

impl<P: Pci> QueueParts<P> {
    /// Submits segments; the number of the submission. The engine's vector is raised at its end.
    fn submit_segments(&self, segments: &[Segment]) -> Result<u64, SubmitError> {
        let mut ring = self.ring.lock();
        if let Some(reason) = self.channel.state.fault() {
            return Err(SubmitError::Ended(reason));
        }
        if let Some(index) = segments.iter().position(|it| it.entry().is_none()) {
            return Err(SubmitError::Segment { index });
        }
        let end = [
            Operation::Fence {
                semaphore: self.fence_address(),
                value: ring.submitted + 1,
            },
            Operation::Notify,
        ];
        let mut counter = Counter::default();
        end.iter()
            .for_each(|operation| counter.operation(operation));
        let entries = segments.len() as u64 + counter.slots();
        if entries >= ENTRIES {
            return Err(SubmitError::TooLong { entries });
        }
        ring.complete(self.fence_value());
        if entries > ring.room() {
            return Err(SubmitError::Full);
        }
        let mut put = ring.put;
        for segment in segments.iter().filter_map(Segment::entry) {
            let written = self.shared().store64(entry(put), segment.raw_value());
            written.map_err(|error| self.lose(error))?;
            put += 1;
        }
        let mut writer = Writer::new(self.shared(), self.va, put);
        end.iter().for_each(|operation| writer.operation(operation));
        let put = writer.finish().map_err(|error| self.lose(error))?;
        let number = ring.submit(put);
        ring.notified = number;
        self.publish(put).map_err(|error| self.lose(error))?;
        Ok(number)
    }
}

impl<P: Pci> CopyQueue<P> {
    /// Submits segments that somebody else has written, to be run in order, after all that was
    /// submitted before. Whatever is wrong with them ends the channel, and nothing else.
    ///
    /// # Errors
    /// As of [`Self::submit`].
    ///
    /// # Context
    /// Any thread; allocates nothing and asks nobody.
    pub fn submit_segments(&self, segments: &[Segment]) -> Result<u64, SubmitError> {
        self.parts().submit_segments(segments)
    }

    /// The number of the last submission that is done, as the GPU wrote it. Work in the queue's
    /// address space can write any number there.
    pub fn completed(&self) -> u64 {
        self.parts().fence_value()
    }

    /// As of [`Channel::set_notify`](crate::Channel::set_notify).
    pub fn set_notify(&self, event: Option<EventFd>) {
        self.parts().channel.state.set_notify(event);
    }
}
