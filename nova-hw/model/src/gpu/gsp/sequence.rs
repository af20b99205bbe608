// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The register accesses that GSP-RM asks the driver for while it boots, and whether the
//! driver has made them. They use scratch registers that nobody else uses.

use fastrand::Rng;
use nova_spec::{
    register::RegisterArray,
    regs::NV_PBUS_SW_SCRATCH,
    rpc::sequencer::{Operation, SAVE_AREA},
};

use crate::register_file::RegisterFile;

/// The first of the scratch registers.
const SCRATCH: u32 = 0x30;
/// How many there are.
const SCRATCHES: u32 = 8;

/// Operations, and what is then in registers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    pub(crate) operations: Vec<Operation>,
    expected: Vec<(u32, u32)>,
}

impl Sequence {
    /// Every operation once: registers, then the end of GSP's falcon and its return. Each boot
    /// has other values, so that what the one before left in registers is not taken for its own.
    pub(crate) fn every_operation(boot: u32) -> Self {
        let mut sequence = Self::default();
        sequence.registers(0, 0x1234_5678 ^ boot.wrapping_mul(0x0100_0001));
        sequence.core(true);
        sequence
    }

    /// One that a card may choose: empty, registers only, or with the falcon's reset and
    /// return; operations in any number.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let mut sequence = Self::default();
        if rng.u8(0..8) == 0 {
            return sequence;
        }
        for index in 0..rng.u32(0..=SCRATCHES) {
            sequence.registers(index, rng.u32(..));
        }
        if rng.u8(0..4) > 0 {
            sequence.core(rng.bool());
        }
        sequence
    }

    /// Whether the driver is to start GSP again at the end.
    pub(crate) fn resumes(&self) -> bool {
        self.operations.last() == Some(&Operation::CoreResume)
    }

    /// Whether registers have what the operations leave there.
    pub(crate) fn was_run(&self, registers: &RegisterFile) -> bool {
        let left = |(offset, value): &(u32, u32)| registers.value(*offset) == *value;
        self.expected.iter().all(left)
    }

    fn registers(&mut self, index: u32, value: u32) {
        let Some(scratch) = NV_PBUS_SW_SCRATCH::at(SCRATCH + index) else {
            return;
        };
        let addr = scratch.offset();
        let (mask, val) = (0x00ff_ff00, 0x005a_a500);
        let changed = value & !mask | val;
        self.operations.extend([
            Operation::RegWrite { addr, val: value },
            Operation::RegModify { addr, mask, val },
            Operation::RegPoll {
                addr,
                mask: 0xffff_ff00,
                val: changed & 0xffff_ff00,
                timeout: 1000,
                error: 0x55,
            },
            Operation::DelayUs { val: 5 },
            Operation::RegStore {
                addr,
                index: index % SAVE_AREA as u32,
            },
        ]);
        self.expected.push((addr, changed));
    }

    /// The falcon is reset, runs nothing perhaps, and GSP-RM goes on.
    fn core(&mut self, start: bool) {
        self.operations.push(Operation::CoreReset);
        if start {
            self.operations
                .extend([Operation::CoreStart, Operation::CoreWaitForHalt]);
        }
        self.operations.push(Operation::CoreResume);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{board::Board, gpu::table::registers};
    use nova_spec::{chip::GA102, rpc::sequencer};
    use std::collections::HashSet;

    #[test]
    fn every_opcode_is_in_the_plain_one() {
        let operations = Sequence::every_operation(0).operations;
        let opcodes: HashSet<_> = operations.iter().map(std::mem::discriminant).collect();
        assert_eq!((operations.len(), opcodes.len()), (9, 9));
        let payload = sequencer::encode(&operations);
        let decoded: Result<Vec<_>, _> = sequencer::decode(&payload).unwrap().collect();
        assert_eq!(decoded.unwrap(), operations);
    }

    #[test]
    fn it_was_run_when_each_register_says_so() {
        let mut registers = registers(&GA102, &Board::default());
        let sequence = Sequence::every_operation(0);
        assert!(!sequence.was_run(&registers));
        registers.set_value(0x1400 + 4 * SCRATCH, 0x125a_a578);
        assert!(sequence.was_run(&registers));
        assert!(!Sequence::every_operation(1).was_run(&registers));
        assert!(Sequence::default().was_run(&registers));
    }

    #[test]
    fn seeds_draw_all_kinds() {
        let draw = |seed| Sequence::draw(&mut Rng::with_seed(seed));
        let all: Vec<_> = (0..64).map(draw).collect();
        assert!(all.iter().any(|sequence| sequence.operations.is_empty()));
        assert!(all.iter().any(|s| !s.operations.is_empty() && !s.resumes()));
        assert!(all
            .iter()
            .any(|s| s.operations.contains(&Operation::CoreStart)));
    }
}
