// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! RM's sequencer: while it starts, RM has the driver access registers that it cannot access
//! itself, and among them restart its own core (`rmgspseq.h`).

use std::{
    thread,
    time::{Duration, Instant},
};

use nova_pci::Pci;
use nova_spec::{
    falcon::FalconEngine,
    register::FixedRegister,
    regs::{name_at, NV_PGC6_BSI_SECURE_SCRATCH_14},
    rpc::sequencer::{decode, Operation},
};

use super::SequencerError;
use crate::{
    card::Card,
    error::Cause,
    falcon::{Falcon, Mailboxes},
    registers::poll,
    timeouts::Timeouts,
    wait,
};

/// Bytes of BAR0 that have registers.
const REGISTERS: u32 = 16 << 20;

/// How many of the longest polls a whole sequence may take.
const POLLS: u32 = 4;

/// Carries sequences out.
pub(super) struct Sequencer<'a, P: Pci> {
    pub(super) card: &'a Card<P>,
    pub(super) timeouts: &'a Timeouts,
    /// Where libos finds the list of its regions.
    pub(super) libos_address: u64,
    /// Version of GSP's application.
    pub(super) app_version: u32,
}

impl<P: Pci> Sequencer<'_, P> {
    /// Carries out the operations of an event's payload, in order.
    pub(super) fn run(&self, payload: &[u8]) -> Result<(), Cause> {
        let limit = self.timeouts.sequencer_poll * POLLS;
        let start = Instant::now();
        let operations = decode(payload).map_err(SequencerError::from)?;
        for operation in operations {
            if start.elapsed() > limit {
                return Err(SequencerError::TooLong { limit }.into());
            }
            let operation = operation.map_err(SequencerError::from)?;
            tracing::debug!(?operation, "sequencer");
            self.carry_out(&operation)?;
        }
        Ok(())
    }

    fn carry_out(&self, operation: &Operation) -> Result<(), Cause> {
        let gsp = Falcon::new(self.card, self.timeouts, FalconEngine::GSP);
        match *operation {
            Operation::RegWrite { addr, val } => self.write(addr, val),
            Operation::RegModify { addr, mask, val } => {
                let old = self.read(addr)?;
                self.write(addr, old & !mask | val)
            }
            Operation::RegPoll {
                addr,
                mask,
                val,
                timeout,
                error,
            } => self.poll(addr, mask, val, timeout, error),
            Operation::DelayUs { val } => {
                let delay = Duration::from_micros(val.into());
                thread::sleep(delay.min(self.timeouts.sequencer_poll));
                Ok(())
            }
            // The event goes one way: what is stored has no reader.
            Operation::RegStore { addr, .. } => self.read(addr).map(drop),
            Operation::CoreReset => gsp.reset().and_then(|()| gsp.reset_dma()),
            Operation::CoreStart => gsp.start(),
            Operation::CoreWaitForHalt => gsp.wait_for_halt(),
            Operation::CoreResume => self.resume(&gsp),
        }
    }

    fn read(&self, address: u32) -> Result<u32, Cause> {
        let registers = &self.card.registers;
        let value = registers.read_offset(check(address)?)?;
        registers.believe(address, value)
    }

    fn write(&self, address: u32, value: u32) -> Result<(), Cause> {
        let registers = &self.card.registers;
        Ok(registers.write_offset(check(address)?, value)?)
    }

    fn poll(
        &self,
        address: u32,
        mask: u32,
        wanted: u32,
        timeout: u32,
        error: u32,
    ) -> Result<(), Cause> {
        // TIMEOUT: what RM names, in microseconds, and no more than where it names none.
        let limit = match timeout {
            0 => self.timeouts.sequencer_poll,
            us => Duration::from_micros(us.into()).min(self.timeouts.sequencer_poll),
        };
        let mut found = 0;
        let done = wait::until(limit, || {
            found = self.read(address)?;
            Ok::<_, Cause>((found & mask == wanted).then_some(()))
        })?;
        done.ok_or_else(|| {
            Cause::from(SequencerError::Poll {
                register: name_at(address),
                mask,
                wanted,
                found,
                error,
                limit,
            })
        })
    }

    /// SEC2's firmware is loaded by now: it takes GSP over and starts the RISC-V core again.
    fn resume(&self, gsp: &Falcon<'_, P>) -> Result<(), Cause> {
        let sec2 = Falcon::new(self.card, self.timeouts, FalconEngine::SEC2);
        gsp.reset()?;
        gsp.write_mailboxes(Mailboxes::address(self.libos_address))?;
        sec2.start()?;
        poll(
            &self.card.registers,
            NV_PGC6_BSI_SECURE_SCRATCH_14::LOCATION,
            "SEC2 to hand GSP over",
            self.timeouts.resume,
            |it| it.boot_stage_3_handoff(),
        )?;
        let mailbox0 = sec2.mailbox0()?;
        if mailbox0 != 0 {
            return Err(Cause::Mailbox {
                program: "the resume of GSP",
                engine: FalconEngine::SEC2,
                mailbox0,
            });
        }
        gsp.write_os_version(self.app_version)?;
        match gsp.is_riscv_active()? {
            true => Ok(()),
            false => Err(Cause::RiscvInactive),
        }
    }
}

/// A register's offset that is one.
fn check(address: u32) -> Result<u32, SequencerError> {
    if address % 4 == 0 && address < REGISTERS {
        return Ok(address);
    }
    Err(SequencerError::Address { address })
}

#[cfg(test)]
#[path = "sequencer_tests.rs"]
mod tests;
