// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What the host engine and the copy engines do with a word of memory that others wait for.
//! Follows `SEM_EXECUTE` and `SEMAPHORED` of `clc56f.h`, and `dev_pbdma.ref.txt`.
#![allow(non_camel_case_types)] // their names

use arbitrary_int::{u4, u5};
use bitbybit::{bitenum, bitfield};

use crate::host::SemOperation;

/// How a value is combined with the one in memory.
#[bitenum(u4, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The smaller one.
    IMIN = 0,
    /// The larger one.
    IMAX = 1,
    /// Bits that differ.
    IXOR = 2,
    /// Bits of both.
    IAND = 3,
    /// Bits of any.
    IOR = 4,
    /// The sum, as it wraps.
    IADD = 5,
    /// One more than in memory, and 0 from the value on.
    INC = 6,
    /// One less than in memory, and the value below 0 and from above it.
    DEC = 7,
}

impl Reduction {
    /// What is in memory afterwards, for numbers of 32 bits or of 64 (`wide`).
    pub fn apply(self, wide: bool, unsigned: bool, memory: u64, value: u64) -> u64 {
        let mask = mask(wide);
        let (memory, value) = (memory & mask, value & mask);
        let less = match unsigned {
            true => memory < value,
            false => signed(wide, memory) < signed(wide, value),
        };
        let result = match self {
            Self::IMIN if less => memory,
            Self::IMIN => value,
            Self::IMAX if less => value,
            Self::IMAX => memory,
            Self::IXOR => memory ^ value,
            Self::IAND => memory & value,
            Self::IOR => memory | value,
            Self::IADD => memory.wrapping_add(value),
            Self::INC if memory >= value => 0,
            Self::INC => memory + 1,
            Self::DEC if memory == 0 || memory > value => value,
            Self::DEC => memory - 1,
        };
        result & mask
    }
}

impl SemOperation {
    /// Whether an acquire goes on; always, for what does not wait.
    pub fn is_acquired(self, wide: bool, memory: u64, payload: u64) -> bool {
        let mask = mask(wide);
        let (memory, payload) = (memory & mask, payload & mask);
        match self {
            Self::ACQUIRE => memory == payload,
            Self::ACQ_STRICT_GEQ => memory >= payload,
            Self::ACQ_CIRC_GEQ => signed(wide, memory.wrapping_sub(payload) & mask) >= 0,
            Self::ACQ_AND => memory & payload != 0,
            Self::ACQ_NOR => !(memory | payload) & mask != 0,
            Self::RELEASE | Self::REDUCTION => true,
        }
    }
}

fn mask(wide: bool) -> u64 {
    match wide {
        true => u64::MAX,
        false => u32::MAX.into(),
    }
}

fn signed(wide: bool, value: u64) -> i64 {
    match wide {
        true => value as i64,
        false => (value as u32 as i32).into(),
    }
}

/// `SEMAPHORED`, the older way: the address is in `SEMAPHOREA` and `B`, the payload of 32 bits in
/// `SEMAPHOREC`.
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct SemaphoreD {
    /// What is done: one of the numbers below.
    #[bits(0..=4, rw)]
    operation: u5,
    /// Who waits lets other channels run.
    #[bit(12, rw)]
    acquire_switch: bool,
    /// A release does not wait until the engine is idle.
    #[bit(20, rw)]
    release_wfi_disabled: bool,
    /// A release writes 4 bytes and not 16.
    #[bit(24, rw)]
    release_size_4byte: bool,
    /// How a reduction combines.
    #[bits(27..=30, rw)]
    reduction: u4,
    /// Numbers of a reduction have no sign.
    #[bit(31, rw)]
    format_unsigned: bool,
}

impl SemaphoreD {
    /// The operation in the newer numbering; `None` for one that there is not.
    pub fn sem_operation(self) -> Option<SemOperation> {
        match self.operation().value() {
            0x01 => Some(SemOperation::ACQUIRE),
            0x02 => Some(SemOperation::RELEASE),
            0x04 => Some(SemOperation::ACQ_CIRC_GEQ),
            0x08 => Some(SemOperation::ACQ_AND),
            0x10 => Some(SemOperation::REDUCTION),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reductions_of_both_widths() {
        use Reduction::*;
        let minus = u64::from(u32::MAX);
        for (reduction, unsigned, memory, value, expected) in [
            (IMIN, false, minus, 1, minus),
            (IMIN, true, minus, 1, 1),
            (IMAX, false, minus, 1, 1),
            (IMAX, true, minus, 1, minus),
            (IXOR, true, 0b1100, 0b1010, 0b0110),
            (IAND, true, 0b1100, 0b1010, 0b1000),
            (IOR, true, 0b1100, 0b1010, 0b1110),
            (IADD, true, minus, 3, 2),
            (INC, true, 4, 5, 5),
            (INC, true, 5, 5, 0),
            (DEC, true, 5, 5, 4),
            (DEC, true, 6, 5, 5),
            (DEC, true, 0, 5, 5),
        ] {
            let result = reduction.apply(false, unsigned, memory | 7 << 40, value);
            assert_eq!(result, expected, "{reduction:?} {memory:#x} {value:#x}");
        }
        assert_eq!(IADD.apply(true, true, minus, 3), minus + 3);
        assert_eq!(IMIN.apply(true, false, u64::MAX, 1), u64::MAX);
    }

    #[test]
    fn acquires_of_every_kind() {
        use SemOperation::*;
        let high = u64::from(u32::MAX);
        for (operation, memory, payload, expected) in [
            (ACQUIRE, 5, 5, true),
            (ACQUIRE, 6, 5, false),
            (ACQ_STRICT_GEQ, 6, 5, true),
            (ACQ_STRICT_GEQ, high, 5, true),
            (ACQ_STRICT_GEQ, 4, 5, false),
            (ACQ_CIRC_GEQ, 2, high, true),
            (ACQ_CIRC_GEQ, high, 2, false),
            (ACQ_AND, 0b110, 0b011, true),
            (ACQ_AND, 0b100, 0b011, false),
            (ACQ_NOR, high, 0, false),
            (ACQ_NOR, high - 1, 0, true),
        ] {
            let acquired = operation.is_acquired(false, memory, payload);
            assert_eq!(acquired, expected, "{operation:?} {memory:#x} {payload:#x}");
        }
        assert!(!ACQUIRE.is_acquired(true, 1 << 32, 0));
        assert!(ACQUIRE.is_acquired(false, 1 << 32, 0));
    }

    #[test]
    fn the_older_release_by_hand() {
        let release = SemaphoreD::new_with_raw_value(0x0100_0002);
        assert_eq!(release.sem_operation(), Some(SemOperation::RELEASE));
        assert!(release.release_size_4byte());
        assert_eq!(SemaphoreD::DEFAULT.sem_operation(), None);
    }
}
