// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PTIMER, the clock: nanoseconds since an origin that software sets. Follows `dev_timer.h`.

use arbitrary_int::{u27, u29};
use bitbybit::bitfield;

use crate::register::{plain, registers};

plain! {
    /// Pending interrupts.
    NV_PTIMER_INTR_0;
    /// Enabled interrupts.
    NV_PTIMER_INTR_EN_0;
    /// Numerator of the clock's ratio.
    NV_PTIMER_NUMERATOR;
    /// Denominator of the clock's ratio.
    NV_PTIMER_DENOMINATOR;
    /// Low half of the time at which an interrupt is wanted.
    NV_PTIMER_ALARM_0;
}

/// Low half of the time.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PTIMER_TIME_0 {
    /// Bits 31:5 of the nanoseconds.
    #[bits(5..=31, rw)]
    nsec: u27,
}

/// High half of the time.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PTIMER_TIME_1 {
    /// Bits 60:32 of the nanoseconds.
    #[bits(0..=28, rw)]
    nsec: u29,
}

/// The registers at `ns` nanoseconds, low and high. The clock ticks every 32.
pub fn time_at(ns: u64) -> (NV_PTIMER_TIME_0, NV_PTIMER_TIME_1) {
    (
        NV_PTIMER_TIME_0::DEFAULT.with_nsec(u27::extract_u64(ns, 5)),
        NV_PTIMER_TIME_1::DEFAULT.with_nsec(u29::extract_u64(ns, 32)),
    )
}

/// Nanoseconds that the registers say.
pub fn time_of(low: NV_PTIMER_TIME_0, high: NV_PTIMER_TIME_1) -> u64 {
    u64::from(high.nsec().value()) << 32 | u64::from(low.nsec().value()) << 5
}

registers! {
    NV_PTIMER_INTR_0 at 0x009100, write_one_to_clear;
    NV_PTIMER_INTR_EN_0 at 0x009140, read_write;
    NV_PTIMER_NUMERATOR at 0x009200, read_write;
    NV_PTIMER_DENOMINATOR at 0x009210, read_write;
    NV_PTIMER_TIME_0 at 0x009400, read_write;
    NV_PTIMER_TIME_1 at 0x009410, read_write;
    NV_PTIMER_ALARM_0 at 0x009420, read_write;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_comes_back_in_ticks_of_32_ns() {
        let ns = 0x1234_5678_9abc_def1;
        let (low, high) = time_at(ns);
        assert_eq!(time_of(low, high), ns & !31);
        let (low, high) = time_at(u64::MAX);
        assert_eq!(time_of(low, high), (1 << 61) - 32);
    }
}
