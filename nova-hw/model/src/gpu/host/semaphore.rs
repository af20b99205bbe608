// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Semaphores in memory: waiting for a value, and setting it.

use std::time::{Duration, Instant};

use nova_spec::{host::SemOperation, semaphore::Reduction};

use super::{super::mmu::AddressSpace, RcKind};

/// The shortest and the longest time until an acquire is tried again by itself. A release of
/// the GPU has all of them tried at once; what is released by the CPU is found by looking.
const RETRY: [Duration; 2] = [Duration::from_micros(50), Duration::from_millis(4)];

/// What is done with a semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SemaphoreOp {
    pub(crate) va: u64,
    pub(crate) operation: SemOperation,
    pub(crate) payload: u64,
    /// The payload has 64 bits.
    pub(crate) wide: bool,
    /// A release writes 16 bytes: payload, and nanoseconds at offset 8.
    pub(crate) timestamp: bool,
    pub(crate) reduction: Reduction,
    /// Numbers of a reduction have no sign.
    pub(crate) unsigned: bool,
    /// The engine's notification is raised afterwards.
    pub(crate) interrupt: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Acquired,
    /// Others may go on.
    Released,
    /// Not yet.
    Waits,
}

impl SemaphoreOp {
    /// Does it, or finds that it has to wait.
    pub(super) fn run(
        &self,
        space: &mut AddressSpace<'_, '_>,
        clock_ns: u64,
    ) -> Result<Outcome, RcKind> {
        let release = self.operation == SemOperation::RELEASE;
        let size = match (release && self.timestamp, self.wide) {
            (true, _) => 16,
            (false, true) => 8,
            (false, false) => 4,
        };
        if self.va % size != 0 {
            return Err(RcKind::Pbdma("a semaphore that is not aligned"));
        }
        let width = if self.wide { 8 } else { 4 };
        match self.operation {
            SemOperation::RELEASE => {
                let mut data = [0; 16];
                data[..width].copy_from_slice(&self.payload.to_le_bytes()[..width]);
                data[8..].copy_from_slice(&clock_ns.to_le_bytes());
                space.write(self.va, &data[..size as usize])?;
                Ok(Outcome::Released)
            }
            SemOperation::REDUCTION => {
                let old = self.load(space, width)?;
                let (wide, unsigned) = (self.wide, self.unsigned);
                let new = self.reduction.apply(wide, unsigned, old, self.payload);
                space.write(self.va, &new.to_le_bytes()[..width])?;
                Ok(Outcome::Released)
            }
            acquire => {
                let value = self.load(space, width)?;
                match acquire.is_acquired(self.wide, value, self.payload) {
                    true => Ok(Outcome::Acquired),
                    false => Ok(Outcome::Waits),
                }
            }
        }
    }

    fn load(&self, space: &mut AddressSpace<'_, '_>, width: usize) -> Result<u64, RcKind> {
        let mut data = [0; 8];
        space.read(self.va, &mut data[..width])?;
        Ok(u64::from_le_bytes(data))
    }
}

/// When an acquire is tried again: after as long as it has waited, within limits.
pub(super) fn retry_at(since: Instant, now: Instant) -> Instant {
    let [least, most] = RETRY;
    now + now.saturating_duration_since(since).clamp(least, most)
}
