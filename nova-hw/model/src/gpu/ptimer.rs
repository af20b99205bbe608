// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PTIMER: a clock that runs with the host's, from where software set it.

use std::time::Instant;

use nova_spec::{
    register::{FixedRegister, Register},
    regs::{
        time_at, time_of, NV_PTIMER_TIME_0, NV_PTIMER_TIME_1, NV_VIRTUAL_FUNCTION_TIME_0,
        NV_VIRTUAL_FUNCTION_TIME_1,
    },
};

use crate::register_file::RegisterFile;

/// The clock.
#[derive(Debug)]
pub(crate) struct Ptimer {
    /// When the clock was `origin_ns`.
    origin: Instant,
    origin_ns: u64,
}

impl Ptimer {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            origin_ns: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }

    /// Nanoseconds that the clock shows.
    pub(crate) fn now(&self) -> u64 {
        // 64 bits of nanoseconds are 584 years.
        let since = self.origin.elapsed().as_nanos() as u64;
        self.origin_ns.wrapping_add(since)
    }

    /// Before a register is read.
    pub(crate) fn read(&self, registers: &mut RegisterFile) {
        let (low, high) = time_at(self.now());
        registers.set(NV_PTIMER_TIME_0::LOCATION, low);
        registers.set(NV_PTIMER_TIME_1::LOCATION, high);
        let (low, high) = (low.into(), high.into());
        registers.set(NV_VIRTUAL_FUNCTION_TIME_0::LOCATION, low);
        registers.set(NV_VIRTUAL_FUNCTION_TIME_1::LOCATION, high);
    }

    /// After the register at `offset` was written: half of the time was set.
    pub(crate) fn write(&mut self, registers: &RegisterFile, offset: u32) {
        let (mut low, mut high) = time_at(self.now());
        match offset {
            NV_PTIMER_TIME_0::OFFSET => low = registers.get(),
            NV_PTIMER_TIME_1::OFFSET => high = registers.get(),
            _ => return,
        }
        self.origin = Instant::now();
        self.origin_ns = time_of(low, high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{board::Board, gpu::table::registers};
    use nova_spec::chip::GA102;

    #[test]
    fn it_runs_on_from_where_it_was_set() {
        let mut registers = registers(&GA102, &Board::default());
        let mut timer = Ptimer::new();
        let mut now = |timer: &Ptimer| {
            timer.read(&mut registers);
            let clock = time_of(registers.get(), registers.get());
            assert_eq!(
                registers.get::<NV_VIRTUAL_FUNCTION_TIME_1>().value(),
                (clock >> 32) as u32
            );
            clock
        };
        let first = now(&timer);
        while now(&timer) == first {}
        let set = 5 << 32;
        let (_, high) = time_at(set);
        registers.set(NV_PTIMER_TIME_1::LOCATION, high);
        timer.write(&registers, NV_PTIMER_TIME_1::OFFSET);
        timer.read(&mut registers);
        assert!(time_of(registers.get(), registers.get()) >= set);
    }
}
