// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The card's DMA: the bus while the card is a bus master, late where it is told to be, and
//! with the faults of a plan.

use std::{sync::Arc, time::Instant};

use crate::{
    bus::Bus,
    deferred::{Deferred, Delays},
    fault::{Armed, FaultPlan, Kind, Place},
};

/// Why a DMA did not happen, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DmaError {
    /// Nobody answers at this address.
    #[error("no memory at bus address {0:#x}")]
    Unmapped(u64),
    /// The command register does not allow it.
    #[error("the card is no bus master")]
    NotMaster,
    /// A fault of the plan ends it.
    #[error("the card has failed")]
    Failed,
}

/// A write that memory does not have yet.
#[derive(Debug)]
struct Write {
    address: u64,
    data: Vec<u8>,
}

/// What the engines reach memory through.
#[derive(Debug)]
pub(crate) struct Dma {
    bus: Arc<Bus>,
    master: bool,
    aborted: bool,
    /// How late writes are; at once without.
    delays: Option<Delays>,
    late: Deferred<Write>,
    reads: Armed,
    writes: Armed,
    fault: Option<Kind>,
}

impl Dma {
    pub(crate) fn new(bus: Arc<Bus>) -> Self {
        Self {
            bus,
            master: false,
            aborted: false,
            delays: None,
            late: Deferred::default(),
            reads: Armed::default(),
            writes: Armed::default(),
            fault: None,
        }
    }

    /// Writes are late from now on.
    pub(crate) fn set_delays(&mut self, delays: Delays) {
        self.delays = Some(delays);
    }

    /// Puts a fault plan's DMA in place.
    pub(crate) fn set_faults(&mut self, plan: &FaultPlan) {
        self.reads = Armed::new(plan, |place| matches!(place, Place::DmaRead(_)));
        self.writes = Armed::new(plan, |place| matches!(place, Place::DmaWrite(_)));
    }

    /// Follows the bus master bit of the command register.
    pub(crate) fn set_master(&mut self, master: bool) {
        self.master = master;
    }

    /// Whether the card is a bus master.
    pub(crate) fn is_master(&self) -> bool {
        self.master
    }

    /// Whether copies may go around this, straight between memories: nothing is late, and no
    /// fault of a plan waits for them.
    pub(crate) fn is_direct(&self) -> bool {
        self.delays.is_none() && self.reads.is_empty() && self.writes.is_empty()
    }

    /// A copy that went around this was not answered.
    pub(crate) fn note_abort(&mut self) {
        self.aborted = true;
    }

    /// Whether a DMA was not answered since this was last asked: the status register's
    /// received master abort.
    pub(crate) fn take_abort(&mut self) -> bool {
        std::mem::take(&mut self.aborted)
    }

    /// A fault of the whole card, since this was last asked.
    pub(crate) fn take_fault(&mut self) -> Option<Kind> {
        self.fault.take()
    }

    /// What was written late is lost.
    pub(crate) fn reset(&mut self) {
        self.late.clear();
        self.fault = None;
    }

    /// Lets late writes happen whose time has come.
    pub(crate) fn advance(&mut self, now: Instant) {
        while let Some(write) = self.late.pop_due(now) {
            self.write_now(&write);
        }
    }

    /// When the next late write happens.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.late.next_due()
    }

    /// Lets all late writes happen, as the answer to a read of the card does.
    pub(crate) fn flush(&mut self) {
        while let Some(write) = self.late.pop() {
            self.write_now(&write);
        }
    }

    /// Copies memory into `data`.
    pub(crate) fn read(&mut self, address: u64, data: &mut [u8]) -> Result<(), DmaError> {
        self.check_master()?;
        // A read of the card does not pass what it wrote.
        self.flush();
        let fault = hit(&mut self.reads, address, data.len());
        self.end(fault)?;
        if matches!(fault, Some(Kind::Drop | Kind::Delay(_))) {
            data.fill(0);
            return Ok(());
        }
        let done = self.bus.read(address, data);
        done.map_err(|error| self.abort(error.0))?;
        if let Some(Kind::Corrupt(_)) = fault {
            data.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Ok(())
    }

    /// Copies `data` into memory, or will.
    pub(crate) fn write(&mut self, address: u64, data: &[u8]) -> Result<(), DmaError> {
        self.check_master()?;
        let fault = hit(&mut self.writes, address, data.len());
        self.end(fault)?;
        let mut data = data.to_vec();
        match fault {
            Some(Kind::Drop | Kind::Delay(_)) => return Ok(()),
            Some(Kind::Corrupt(_)) => data.iter_mut().for_each(|byte| *byte = !*byte),
            _ => {}
        }
        let write = Write { address, data };
        match &mut self.delays {
            Some(delays) => {
                let delay = delays.draw();
                self.late.push(delay, write);
                Ok(())
            }
            None => {
                let done = self.bus.write(write.address, &write.data);
                done.map_err(|error| self.abort(error.0))
            }
        }
    }

    /// Reads eight bytes, little endian.
    pub(crate) fn read64(&mut self, address: u64) -> Result<u64, DmaError> {
        let mut data = [0; 8];
        self.read(address, &mut data)?;
        Ok(u64::from_le_bytes(data))
    }

    fn write_now(&mut self, write: &Write) {
        if let Err(error) = self.bus.write(write.address, &write.data) {
            // Too late to tell who wrote it.
            self.abort(error.0);
        }
    }

    fn check_master(&self) -> Result<(), DmaError> {
        match self.master {
            true => Ok(()),
            false => Err(DmaError::NotMaster),
        }
    }

    /// Notes a fault that ends the card, and then the access.
    fn end(&mut self, fault: Option<Kind>) -> Result<(), DmaError> {
        match fault {
            Some(Kind::Hang | Kind::AllOnes) => {
                self.fault = fault;
                Err(DmaError::Failed)
            }
            _ => Ok(()),
        }
    }

    fn abort(&mut self, address: u64) -> DmaError {
        self.aborted = true;
        DmaError::Unmapped(address)
    }
}

fn hit(armed: &mut Armed, address: u64, len: usize) -> Option<Kind> {
    let last = address.saturating_add((len as u64).saturating_sub(1));
    armed.hit(|place| match place {
        Place::DmaRead(range) | Place::DmaWrite(range) => {
            *range.start() <= last && address <= *range.end()
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_pci::DmaMemory;
    use std::time::Duration;

    fn memory() -> (Dma, Arc<DmaMemory>) {
        let bus = Arc::new(Bus::default());
        let memory = DmaMemory::new(4096).unwrap();
        bus.map(0x1000, memory.clone()).unwrap();
        let mut dma = Dma::new(bus);
        dma.set_master(true);
        (dma, memory)
    }

    #[test]
    fn only_a_bus_master_reaches_memory() {
        let (mut dma, memory) = memory();
        dma.set_master(false);
        assert_eq!(dma.write(0x1000, &[1]), Err(DmaError::NotMaster));
        dma.set_master(true);
        dma.write(0x1008, &[1]).unwrap();
        assert_eq!(dma.read64(0x1008), Ok(1));
        assert_eq!(memory.load64(0).unwrap(), 0);
        assert!(!dma.take_abort());
        assert_eq!(dma.read64(0x2000), Err(DmaError::Unmapped(0x2000)));
        assert!(dma.take_abort() && !dma.take_abort());
    }

    #[test]
    fn late_writes_are_seen_in_order_and_by_the_card_itself() {
        let (mut dma, memory) = memory();
        dma.set_delays(Delays::new(1, Duration::from_secs(3600)));
        dma.write(0x1000, &[1]).unwrap();
        dma.write(0x1000, &[2]).unwrap();
        assert_eq!(memory.load32(0).unwrap(), 0);
        assert_eq!(dma.read64(0x1000), Ok(2));
        dma.write(0x1000, &[3]).unwrap();
        dma.advance(Instant::now());
        assert_eq!(memory.load32(0).unwrap(), 2);
        dma.advance(dma.next_due().unwrap());
        assert_eq!(dma.next_due(), None);
        assert_eq!(memory.load32(0).unwrap(), 3);
        dma.write(0x1000, &[4]).unwrap();
        dma.reset();
        dma.flush();
        assert_eq!(memory.load32(0).unwrap(), 3);
    }

    #[test]
    fn faults_hit_the_addresses_that_they_name() {
        let (mut dma, memory) = memory();
        memory.store64(0, 0x11).unwrap();
        let plan = "dma-read 0x1004 drop\ndma-write 0x1010..0x1018 corrupt payload\n\
                    dma-write 0x1020 drop\ndma-read 0x1030 hang";
        dma.set_faults(&plan.parse().unwrap());
        assert_eq!(dma.read64(0x1008), Ok(0));
        assert_eq!(dma.read64(0x1000), Ok(0));
        assert_eq!(dma.read64(0x1000), Ok(0x11));
        dma.write(0x1014, &[0xf0]).unwrap();
        dma.write(0x1020, &[0xf0]).unwrap();
        assert_eq!(memory.load32(0x14).unwrap(), 0x0f);
        assert_eq!(memory.load32(0x20).unwrap(), 0);
        assert_eq!(dma.read64(0x1030), Err(DmaError::Failed));
        assert_eq!(dma.take_fault(), Some(Kind::Hang));
    }
}
