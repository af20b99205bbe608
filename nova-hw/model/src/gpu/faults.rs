// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Faults of registers, and of the whole chip: every access of BAR0 passes here.

use std::{collections::HashMap, time::Instant};

use super::Gpu;
use crate::{
    config::ConfigSpace,
    deferred::Deferred,
    fault::{Armed, Corruption, FaultPlan, Kind, Place},
    register_file::{Part, Written},
};

/// Registers whose last answer is remembered. Past it a delayed read answers 0.
const MAX_ANSWERS: usize = 4096;

/// A write that has its effect later.
#[derive(Debug)]
struct Late {
    part: Part,
    data: Vec<u8>,
}

/// The faults of the registers, and what they have done to the chip.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    reads: Armed,
    writes: Armed,
    /// What each register answered last, while a plan may ask for it.
    answers: HashMap<u32, u32>,
    late: Deferred<Late>,
    hung: bool,
    gone: bool,
}

impl Faults {
    /// The chip works again; what was counted stays.
    pub(crate) fn reset(&mut self) {
        (self.hung, self.gone) = (false, false);
        self.late.clear();
        self.answers.clear();
    }

    fn remember(&mut self, offset: u32, value: u32) {
        let room = self.answers.len() < MAX_ANSWERS || self.answers.contains_key(&offset);
        if !self.reads.is_empty() && room {
            self.answers.insert(offset, value);
        }
    }
}

impl Gpu {
    /// Has the faults of `plan` happen, and no others.
    pub(crate) fn set_faults(&mut self, plan: &FaultPlan) {
        self.faults.reads = Armed::new(plan, |place| matches!(place, Place::Read(_)));
        self.faults.writes = Armed::new(plan, |place| matches!(place, Place::Write(_)));
        self.rm.set_faults(plan);
        self.dma.set_faults(plan);
        self.host.holds().set_faults(plan);
    }

    /// Whether the card has fallen off the bus.
    pub(crate) fn is_gone(&self) -> bool {
        self.faults.gone
    }

    /// Whether the chip does anything by itself.
    pub(super) fn works(&self) -> bool {
        !self.faults.hung && !self.faults.gone
    }

    /// The whole chip fails, until a reset.
    pub(super) fn fail(&mut self, kind: Kind) {
        match kind {
            Kind::Hang => self.faults.hung = true,
            Kind::AllOnes => self.faults.gone = true,
            Kind::Drop | Kind::Delay(_) | Kind::Corrupt(_) => {}
        }
    }

    /// Lets happen what is late, and what the firmware does by itself.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.late_writes(now);
        if !self.faults.hung && self.rm.next_due().is_some_and(|due| due <= now) {
            self.run_rm();
        }
        self.dma_faults();
    }

    /// When something happens by itself.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let rm = self.rm.next_due().filter(|_| !self.faults.hung);
        let due = [self.faults.late.next_due(), self.dma.next_due(), rm];
        due.into_iter().flatten().min()
    }

    pub(super) fn faulty_read(&mut self, config: &ConfigSpace, offset: u32) -> u32 {
        self.late_writes_by_now();
        let fault = self.faults.reads.hit(|place| match place {
            Place::Read(which) => which.is_none_or(|which| which == offset),
            _ => false,
        });
        if let Some(kind) = fault {
            self.fail(kind);
        }
        if self.faults.gone {
            return u32::MAX;
        }
        if self.faults.hung {
            return self.registers.read(offset.into());
        }
        self.tick();
        let value = self.read_register(config, offset);
        self.dma_faults();
        let answer = match fault {
            Some(Kind::Drop) => 0,
            Some(Kind::Delay(_)) => self.faults.answers.get(&offset).copied().unwrap_or(0),
            Some(Kind::Corrupt(corruption)) => corrupted(corruption, value),
            Some(Kind::Hang | Kind::AllOnes) | None => value,
        };
        self.faults.remember(offset, answer);
        answer
    }

    pub(super) fn faulty_write(&mut self, part: &Part, data: &[u8]) {
        self.late_writes_by_now();
        let fault = self.faults.writes.hit(|place| match place {
            Place::Write(which) => which.is_none_or(|which| u64::from(which) == part.register),
            _ => false,
        });
        let data = match fault {
            Some(Kind::Drop) => return,
            Some(Kind::Delay(delay)) => {
                let (part, data) = (part.clone(), data.to_vec());
                return self.faults.late.push(delay, Late { part, data });
            }
            Some(kind @ (Kind::Hang | Kind::AllOnes)) => {
                // It is the last that the registers see.
                self.store(part, data);
                return self.fail(kind);
            }
            Some(Kind::Corrupt(corruption)) => {
                let value = corrupted(corruption, part.written(data).bits).to_le_bytes();
                let mut other = data.to_vec();
                other[part.buffer.clone()].copy_from_slice(&value[part.lanes.clone()]);
                other
            }
            None => return self.write_working(part, data),
        };
        self.write_working(part, &data);
    }

    fn write_working(&mut self, part: &Part, data: &[u8]) {
        match self.faults.hung || self.faults.gone {
            true => self.store(part, data),
            false => {
                self.tick();
                self.write_part(part, data);
                self.dma_faults();
            }
        }
    }

    /// A write without an effect.
    fn store(&mut self, part: &Part, data: &[u8]) {
        if !self.faults.gone {
            let written: Written = part.written(data);
            self.registers.write(part.register, written);
        }
    }

    fn late_writes_by_now(&mut self) {
        // Asking for the time costs more than most accesses.
        if self.faults.late.next_due().is_some() {
            self.late_writes(Instant::now());
        }
    }

    fn late_writes(&mut self, now: Instant) {
        while let Some(late) = self.faults.late.pop_due(now) {
            self.write_working(&late.part, &late.data);
        }
    }

    pub(super) fn dma_faults(&mut self) {
        if let Some(kind) = self.dma.take_fault() {
            self.fail(kind);
        }
    }
}

fn corrupted(corruption: Corruption, value: u32) -> u32 {
    match corruption {
        Corruption::Xor(bits) => value ^ bits,
        Corruption::Value(value) => value,
        // Those are of messages; a register just has another value.
        _ => !value,
    }
}
