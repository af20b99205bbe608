// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What steps are made on: the GPU.

use super::model::{Random, Step, BUFFER, BUFFERS, PAGE, SPACE};
use crate::copy::{Copier, LIMIT};
use anyhow::{Context, Result};
use nova_guest::{Buffer, Domain, Mapping, Op, Queue, SyncObj};

/// Something that makes steps.
pub(super) trait Target {
    /// Makes a step, which is no check.
    fn step(&mut self, step: &Step) -> Result<()>;
    /// What a range of bytes holds.
    fn read(&mut self, at: usize, len: usize) -> Result<Vec<u8>>;
}

/// The GPU, with an address space that is all nothing, and buffers that are all zeros.
pub(super) struct Machine {
    copier: Copier,
    buffers: Vec<Buffer>,
    /// Where ranges are copied to be looked at.
    seen: Mapping,
    seen_at: u64,
    base: u64,
    bound: SyncObj,
    spare: Option<Queue>,
    random: Random,
}

impl Machine {
    pub(super) fn open() -> Result<Self> {
        let copier = Copier::open()?;
        let seen_at = copier.free();
        let room = (SPACE * PAGE) as u64;
        let seen = copier.buffer(room, Domain::System, seen_at)?.map()?;
        let bound = SyncObj::new(&copier.gpu)?;
        let mut machine = Self {
            base: seen_at + room,
            copier,
            buffers: Vec::new(),
            seen,
            seen_at,
            bound,
            spare: None,
            random: Random(1),
        };
        for index in 0..BUFFERS {
            let buffer = machine.buffer(index)?;
            machine.buffers.push(buffer);
        }
        Ok(machine)
    }

    fn va(&self, byte: usize) -> u64 {
        self.base + byte as u64
    }

    /// A buffer of zeros; every second one is in video memory, which holds nothing of who had it before.
    fn buffer(&self, index: usize) -> Result<Buffer> {
        let domain = match index % 2 {
            0 => Domain::System,
            _ => Domain::Vram,
        };
        Ok(Buffer::new(
            &self.copier.gpu,
            (BUFFER * PAGE) as u64,
            domain,
        )?)
    }

    /// Binds, at once or later: then what comes next is submitted behind it.
    fn bind(&mut self, op: Op) -> Result<()> {
        let vm = &self.copier.vm;
        if self.random.below(2) == 0 {
            return vm.change(&[op]).context("VM_BIND");
        }
        vm.change_later(&[op], &[], &[self.bound.signal()])
            .context("asynchronous VM_BIND")?;
        let waits = [self.bound.after()];
        self.copier.queue.submit(&[], &waits, &[]).context("EXEC")
    }
}

impl Target for Machine {
    fn step(&mut self, step: &Step) -> Result<()> {
        let bytes = |pages: usize| (pages * PAGE) as u64;
        match *step {
            Step::Map {
                at,
                pages,
                buffer,
                offset,
            } => {
                let addr = self.va(at * PAGE);
                // Taken out for the call, which borrows the rest.
                let buffers = std::mem::take(&mut self.buffers);
                let result = self.bind(Op::Map {
                    buffer: &buffers[buffer],
                    addr,
                    offset: bytes(offset),
                    range: bytes(pages),
                    read_only: false,
                });
                self.buffers = buffers;
                result
            }
            Step::Sparse { at, pages } => self.bind(Op::Sparse {
                addr: self.va(at * PAGE),
                range: bytes(pages),
            }),
            Step::Unmap { at, pages } => self.bind(Op::Unmap {
                addr: self.va(at * PAGE),
                range: bytes(pages),
            }),
            Step::Fill { at, len, word } => {
                let at = self.va(at);
                self.copier.run(|copies| copies.fill(at, word, len as u64))
            }
            Step::Copy { from, to, len } => {
                let (from, to) = (self.va(from), self.va(to));
                self.copier.run(|copies| copies.copy(from, to, len as u64))
            }
            Step::Replace { buffer } => {
                self.buffers[buffer] = self.buffer(buffer)?;
                Ok(())
            }
            Step::Queue => {
                // What was bound later is waited for by the old queue: the new one does too.
                let _ = self.bound.wait(LIMIT);
                let queue = self.copier.vm.queue(Default::default())?;
                self.spare = Some(std::mem::replace(&mut self.copier.queue, queue));
                Ok(())
            }
            Step::Check { .. } => Ok(()),
        }
    }

    fn read(&mut self, at: usize, len: usize) -> Result<Vec<u8>> {
        let (from, to) = (self.va(at), self.seen_at);
        self.copier
            .run(|copies| copies.copy(from, to, len as u64))?;
        let mut bytes = vec![0; len];
        self.seen.read(0, &mut bytes);
        Ok(bytes)
    }
}
