// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A part of a copy, of places that are known. It is copied straight from one mapping to
//! another, without the card's lock.

use nova_spec::mmu_fault::MmuFaultType;
use vm_memory::{Bytes, VolatileSlice};

use crate::{
    bus::{Bus, View},
    gpu::{
        host::ChannelId,
        mmu::{Aperture, Backing, MmuFault},
    },
    vram::Vram,
};

/// Bytes that are written at once where there is no source.
const FILL: usize = 32 << 10;

/// Whose transfer it is: a channel, and which of those that had its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) channel: ChannelId,
    pub(crate) serial: u64,
}

/// Bytes that lie together on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) len: u64,
    pub(super) source: Backing,
    pub(super) destination: Backing,
    /// The addresses as the channel has them, for a fault.
    pub(super) source_va: u64,
    pub(super) destination_va: u64,
    /// Where in the pattern it starts, when there is one.
    pub(super) phase: usize,
}

impl Segment {
    /// Whether `next` lies right behind it on both sides, so that the two are one.
    pub(super) fn continues(&self, next: &Segment) -> bool {
        let behind = |first: Backing, second: Backing| match (first, second) {
            (Backing::Sparse, Backing::Sparse) => true,
            (Backing::Memory(aperture, address), Backing::Memory(other, next)) => {
                aperture == other && address.checked_add(self.len) == Some(next)
            }
            _ => false,
        };
        behind(self.source, next.source) && behind(self.destination, next.destination)
    }
}

/// What is copied, or written, at once.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(super) ticket: Ticket,
    pub(super) segments: Vec<Segment>,
    /// The bytes of an element that is written over and over; then there is no source.
    pub(super) pattern: Option<Vec<u8>>,
}

/// How that ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transferred {
    pub(crate) ticket: Ticket,
    pub(crate) result: Result<u64, MmuFault>,
}

impl Transfer {
    /// Copies. While it does, nothing that it touches is unmapped.
    pub(crate) fn run(&self, vram: &Vram, bus: &Bus) -> Transferred {
        let memory = Places {
            vram,
            bus: bus.view(),
        };
        let pattern = self.pattern.as_deref().map(Pattern::new);
        let mut bytes = 0;
        let mut result = Ok(());
        for segment in &self.segments {
            result = match &pattern {
                Some(pattern) => memory.fill(segment, pattern),
                None => memory.copy(segment),
            };
            if result.is_err() {
                break;
            }
            bytes += segment.len;
        }
        Transferred {
            ticket: self.ticket,
            result: result.map(|()| bytes),
        }
    }
}

/// An element, so often that [`FILL`] bytes from anywhere in the first one on are there.
struct Pattern {
    element: u64,
    bytes: Vec<u8>,
}

impl Pattern {
    fn new(element: &[u8]) -> Self {
        let times = FILL / element.len().max(1) + 2;
        Self {
            element: element.len().max(1) as u64,
            bytes: element.repeat(times),
        }
    }
}

struct Places<'a> {
    vram: &'a Vram,
    bus: View<'a>,
}

impl Places<'_> {
    fn copy(&self, segment: &Segment) -> Result<(), MmuFault> {
        let mut done = 0;
        while done < segment.len {
            let left = segment.len - done;
            let to = self.slice(segment.destination, segment.destination_va, done, left)?;
            let from = self.slice(segment.source, segment.source_va, done, left)?;
            let count = match (from, to) {
                (None, None) => left,
                // What is read is of no use, but it was there.
                (Some(from), None) => from.len() as u64,
                (None, Some(to)) => {
                    let zeros = [0; 4096];
                    let count = to.len().min(zeros.len());
                    write(&to, &zeros[..count], segment.destination_va)?;
                    count as u64
                }
                (Some(from), Some(to)) => {
                    let count = from.len().min(to.len());
                    // The shorter of the two decides how much it is.
                    from.copy_to_volatile_slice(to);
                    count as u64
                }
            };
            done += count;
        }
        Ok(())
    }

    fn fill(&self, segment: &Segment, pattern: &Pattern) -> Result<(), MmuFault> {
        let mut done = 0;
        while done < segment.len {
            let left = segment.len - done;
            let to = self.slice(segment.destination, segment.destination_va, done, left)?;
            let Some(to) = to else { return Ok(()) };
            let start = (segment.phase as u64 + done) % pattern.element;
            let count = to.len().min(FILL);
            let data = &pattern.bytes[start as usize..][..count];
            write(&to, data, segment.destination_va)?;
            done += count as u64;
        }
        Ok(())
    }

    /// The bytes from `done` on that lie together in this process, `left` at most; `None` where
    /// there is no memory.
    fn slice(
        &self,
        backing: Backing,
        va: u64,
        done: u64,
        left: u64,
    ) -> Result<Option<VolatileSlice<'_>>, MmuFault> {
        let fault = |fault| MmuFault {
            va: va.wrapping_add(done),
            fault,
        };
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        match backing {
            Backing::Sparse => Ok(None),
            Backing::Memory(Aperture::Vram, address) => {
                let slice = self.vram.slice(address.wrapping_add(done), left);
                let slice = slice.map_err(|_| fault(MmuFaultType::REGION_VIOLATION))?;
                Ok(Some(slice))
            }
            Backing::Memory(Aperture::System, address) => {
                let slice = self.bus.slice(address.wrapping_add(done), left);
                Ok(Some(slice.map_err(|_| fault(MmuFaultType::POISONED))?))
            }
        }
    }
}

fn write(to: &VolatileSlice<'_>, data: &[u8], va: u64) -> Result<(), MmuFault> {
    let fault = MmuFaultType::REGION_VIOLATION;
    to.write_slice(data, 0).map_err(|_| MmuFault { va, fault })
}
