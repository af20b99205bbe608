// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A copy that was launched, in parts: it goes on where its last part ended.

use super::{
    remap::{Remap, MAX_ELEMENT},
    transfer::Segment,
    Ticket, Transfer,
};
use crate::gpu::{
    host::SemaphoreOp,
    mmu::{AddressSpace, Aperture, Backing, MmuFault},
};

/// Most pieces of a transfer.
const MAX_SEGMENTS: usize = 512;
/// Bytes that are copied at once under the card's lock.
const LOCKED: u64 = 16 << 10;

/// Source or destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// The memory of a physical address; none for a virtual one.
    pub(super) physical: Option<Aperture>,
    pub(super) offset: u64,
    /// Bytes from a line to the next.
    pub(super) pitch: u64,
}

impl Side {
    /// The address of a byte of a line.
    fn at(&self, line: u64, byte: u64) -> u64 {
        let line = line.wrapping_mul(self.pitch);
        self.offset.wrapping_add(line).wrapping_add(byte)
    }

    /// What lies behind an address, and how many bytes of it lie together.
    fn resolve(
        &self,
        space: &mut AddressSpace<'_, '_>,
        va: u64,
        write: bool,
    ) -> Result<(Backing, u64), MmuFault> {
        match self.physical {
            Some(aperture) => Ok((Backing::Memory(aperture, va), u64::MAX)),
            None => {
                let page = space.page(va, write)?;
                Ok((page.at(va), page.left(va)))
            }
        }
    }

    fn read(
        &self,
        space: &mut AddressSpace<'_, '_>,
        va: u64,
        data: &mut [u8],
    ) -> Result<(), MmuFault> {
        match self.physical {
            None => space.read(va, data),
            Some(aperture) => {
                let done = space.memory.read(aperture, va, data);
                done.map_err(|fault| MmuFault { va, fault })
            }
        }
    }

    fn write(
        &self,
        space: &mut AddressSpace<'_, '_>,
        va: u64,
        data: &[u8],
    ) -> Result<(), MmuFault> {
        match self.physical {
            None => space.write(va, data),
            Some(aperture) => {
                let done = space.memory.write(aperture, va, data);
                done.map_err(|fault| MmuFault { va, fault })
            }
        }
    }
}

/// What is copied.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) source: Side,
    pub(super) destination: Side,
    /// Elements of a line; bytes without a remap.
    pub(super) line: u64,
    pub(super) lines: u64,
    pub(super) remap: Option<Remap>,
}

/// How bytes become others.
#[derive(Clone, Debug)]
enum Content {
    Copy,
    Pattern(Vec<u8>),
    Remap(Remap),
}

/// A copy under way.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    source: Side,
    destination: Side,
    content: Content,
    /// Elements of a line: bytes, but for a remap.
    line: u64,
    lines: u64,
    /// Where the next part starts.
    at_line: u64,
    at: u64,
    /// What is done at the end.
    pub(crate) release: Option<SemaphoreOp>,
    pub(crate) interrupt: bool,
}

/// What a turn did.
#[derive(Debug)]
pub(crate) enum Step {
    /// It is at its end.
    Done,
    /// So many bytes were written.
    Copied(u64),
    /// This is to be copied without the card's lock; it goes on after it.
    Transfer(Transfer),
}

impl Job {
    pub(super) fn new(
        layout: Option<Layout>,
        release: Option<SemaphoreOp>,
        interrupt: bool,
    ) -> Self {
        let nothing = Side {
            physical: None,
            offset: 0,
            pitch: 0,
        };
        let mut job = Self {
            source: nothing,
            destination: nothing,
            content: Content::Copy,
            line: 0,
            lines: 0,
            at_line: 0,
            at: 0,
            release,
            interrupt,
        };
        let Some(layout) = layout else { return job };
        (job.source, job.destination) = (layout.source, layout.destination);
        (job.line, job.lines) = (layout.line, layout.lines);
        if let Some(remap) = layout.remap {
            match remap.pattern() {
                Some(pattern) => {
                    job.line *= pattern.len() as u64;
                    job.content = Content::Pattern(pattern);
                }
                None => job.content = Content::Remap(remap),
            }
        }
        job.join_lines();
        job
    }

    /// Lines that lie together are one.
    fn join_lines(&mut self) {
        let (from, to) = (self.source.pitch, self.destination.pitch);
        let together = match &self.content {
            Content::Copy => from == self.line && to == self.line,
            Content::Pattern(_) => to == self.line,
            Content::Remap(_) => false,
        };
        if let (true, Some(line)) = (together, self.line.checked_mul(self.lines)) {
            (self.line, self.lines) = (line, self.lines.min(1));
        }
    }

    fn is_done(&self) -> bool {
        self.line == 0 || self.at_line >= self.lines
    }

    /// The next part, of about `most` bytes.
    pub(crate) fn step(
        &mut self,
        space: &mut AddressSpace<'_, '_>,
        ticket: Ticket,
        most: u64,
    ) -> Result<Step, MmuFault> {
        if self.is_done() {
            return Ok(Step::Done);
        }
        if let Content::Remap(remap) = &self.content {
            let remap = remap.clone();
            return self.remap(space, &remap);
        }
        let direct = space.memory.dma.is_direct();
        let segments = self.plan(space, if direct { most } else { LOCKED })?;
        let pattern = match &self.content {
            Content::Pattern(pattern) => Some(pattern.clone()),
            _ => None,
        };
        if direct {
            return Ok(Step::Transfer(Transfer {
                ticket,
                segments,
                pattern,
            }));
        }
        let mut bytes = 0;
        for segment in &segments {
            copy_locked(space, segment, pattern.as_deref())?;
            bytes += segment.len;
        }
        Ok(Step::Copied(bytes))
    }

    /// Pieces that lie together, of about `most` bytes. A fault behind the first piece is met
    /// again by the next part, so that what comes before it is copied.
    fn plan(
        &mut self,
        space: &mut AddressSpace<'_, '_>,
        most: u64,
    ) -> Result<Vec<Segment>, MmuFault> {
        let mut segments: Vec<Segment> = Vec::new();
        let mut bytes = 0;
        while bytes < most && !self.is_done() {
            let segment = match self.segment(space, most - bytes) {
                Ok(segment) => segment,
                Err(fault) if segments.is_empty() => return Err(fault),
                Err(_) => break,
            };
            let full = segments.len() == MAX_SEGMENTS;
            match segments.last_mut() {
                Some(last) if last.continues(&segment) => last.len += segment.len,
                Some(_) if full => break,
                _ => segments.push(segment),
            }
            bytes += segment.len;
            self.advance(segment.len);
        }
        Ok(segments)
    }

    fn segment(&self, space: &mut AddressSpace<'_, '_>, most: u64) -> Result<Segment, MmuFault> {
        let destination_va = self.destination.at(self.at_line, self.at);
        let source_va = self.source.at(self.at_line, self.at);
        let (source, from_left, phase) = match &self.content {
            Content::Pattern(pattern) => {
                let phase = self.at % pattern.len().max(1) as u64;
                (Backing::Sparse, u64::MAX, phase as usize)
            }
            _ => {
                let (source, left) = self.source.resolve(space, source_va, false)?;
                (source, left, 0)
            }
        };
        let (destination, to_left) = self.destination.resolve(space, destination_va, true)?;
        let len = (self.line - self.at).min(from_left).min(to_left).min(most);
        for (backing, va) in [(source, source_va), (destination, destination_va)] {
            if let Backing::Memory(aperture, address) = backing {
                let checked = space.memory.check(aperture, address, len);
                checked.map_err(|fault| MmuFault { va, fault })?;
            }
        }
        Ok(Segment {
            len,
            source,
            destination,
            source_va,
            destination_va,
            phase,
        })
    }

    fn advance(&mut self, elements: u64) {
        self.at += elements;
        if self.at >= self.line {
            (self.at, self.at_line) = (0, self.at_line + 1);
        }
    }

    fn remap(&mut self, space: &mut AddressSpace<'_, '_>, remap: &Remap) -> Result<Step, MmuFault> {
        let elements = (self.line - self.at).min(LOCKED / MAX_ELEMENT as u64);
        let (from, to) = (remap.source_element(), remap.destination_element());
        let source_va = self.source.at(self.at_line, self.at * from as u64);
        let destination_va = self.destination.at(self.at_line, self.at * to as u64);
        let mut source = vec![0; elements as usize * from];
        if remap.reads_source() {
            self.source.read(space, source_va, &mut source)?;
        }
        let mut destination = vec![0; elements as usize * to];
        if remap.reads_destination() {
            self.destination
                .read(space, destination_va, &mut destination)?;
        }
        remap.apply(&source, &mut destination);
        self.destination
            .write(space, destination_va, &destination)?;
        self.advance(elements);
        Ok(Step::Copied(destination.len() as u64))
    }
}

/// Copies a piece through the card's DMA, with all that may happen to it there.
fn copy_locked(
    space: &mut AddressSpace<'_, '_>,
    segment: &Segment,
    pattern: Option<&[u8]>,
) -> Result<(), MmuFault> {
    let mut data = vec![0; segment.len as usize];
    if let Some(pattern) = pattern {
        let bytes = pattern.iter().cycle().skip(segment.phase);
        for (to, from) in data.iter_mut().zip(bytes) {
            *to = *from;
        }
    } else if let Backing::Memory(aperture, address) = segment.source {
        let done = space.memory.read(aperture, address, &mut data);
        let va = segment.source_va;
        done.map_err(|fault| MmuFault { va, fault })?;
    }
    if let Backing::Memory(aperture, address) = segment.destination {
        let done = space.memory.write(aperture, address, &data);
        let va = segment.destination_va;
        done.map_err(|fault| MmuFault { va, fault })?;
    }
    Ok(())
}
