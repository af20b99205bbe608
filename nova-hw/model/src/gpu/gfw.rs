// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GFW, the card's own firmware: at power-on it boots for a while, and then lets a driver
//! read so.

use nova_spec::{
    register::FixedRegister,
    regs::{
        NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_0_GFW_BOOT as GFW_BOOT,
        NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_PRIV_LEVEL_MASK as PRIV_LEVEL_MASK,
    },
};

use crate::register_file::RegisterFile;

/// What a register answers to whom its privilege level mask keeps out.
const PRIV_VIOLATION: u32 = 0xbadf_5040;

/// Its boot, counted in how often its registers are read.
#[derive(Debug)]
pub(crate) struct Gfw {
    polls: u32,
    polls_left: u32,
}

impl Gfw {
    pub(crate) fn new(polls: u32) -> Self {
        Self {
            polls,
            polls_left: polls,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.polls_left = self.polls;
    }

    /// Before one of its registers is read: half way through it opens them, at the end it is
    /// done.
    pub(crate) fn read(&mut self, registers: &mut RegisterFile, offset: u32) -> Option<u32> {
        let open = self.polls_left <= self.polls / 2;
        let progress = match self.polls_left {
            0 => GFW_BOOT::PROGRESS_COMPLETED,
            left => u8::try_from(left).map_or(1, |left| 0xff - left.clamp(1, 0xfe)),
        };
        let mask = PRIV_LEVEL_MASK::DEFAULT.with_read_protection_level0(open);
        registers.set(PRIV_LEVEL_MASK::LOCATION, mask);
        let boot = GFW_BOOT::DEFAULT.with_progress(progress);
        registers.set(GFW_BOOT::LOCATION, boot);
        self.polls_left = self.polls_left.saturating_sub(1);
        let closed = !open && offset == GFW_BOOT::LOCATION.offset();
        closed.then_some(PRIV_VIOLATION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{board::Board, gpu::table::registers};
    use nova_spec::chip::GA102;

    #[test]
    fn it_is_protected_then_under_way_then_done() {
        let mut registers = registers(&GA102, &Board::default());
        let mut gfw = Gfw::new(4);
        let mut seen = Vec::new();
        for _ in 0..6 {
            let offset = GFW_BOOT::LOCATION.offset();
            let answer = gfw.read(&mut registers, offset);
            seen.push(answer.unwrap_or(registers.value(offset)));
        }
        let bad = PRIV_VIOLATION;
        assert_eq!(seen, [bad, bad, 0xfd, 0xfe, 0xff, 0xff]);
        gfw.reset();
        let mask = PRIV_LEVEL_MASK::LOCATION.offset();
        assert_eq!(gfw.read(&mut registers, mask), None);
        assert_eq!(registers.value(mask), 0);
    }
}
