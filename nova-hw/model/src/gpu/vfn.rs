// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The interrupt tree of `NV_VIRTUAL_FUNCTION`: vectors in leaves, two leaves a bit of the
//! top. An interrupt leaves the card when a vector that is pending and enabled meets an
//! enabled subtree; then no other one until software has rearmed.

use nova_spec::{
    register::{Location, Register, RegisterArray},
    regs::{
        leaf_subtree, vector_leaf, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF as LEAF,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR as LEAF_EN_CLEAR,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET as LEAF_EN_SET,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_TRIGGER as LEAF_TRIGGER,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP as TOP,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_CLEAR as TOP_EN_CLEAR,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_SET as TOP_EN_SET,
    },
};

use crate::register_file::RegisterFile;

const LEAVES: usize = 8;

/// The tree.
#[derive(Debug, Default)]
pub(crate) struct Vfn {
    pending: [u32; LEAVES],
    enabled: [u32; LEAVES],
    top_enabled: u32,
    /// An interrupt was sent and software has not rearmed since.
    sent: bool,
    /// One is to be sent.
    due: bool,
}

impl Vfn {
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// A vector becomes pending.
    pub(crate) fn raise(&mut self, vector: u32) {
        let (leaf, bit) = vector_leaf(vector);
        if let Some(pending) = self.pending.get_mut(leaf as usize) {
            *pending |= 1 << bit;
        }
        self.update();
    }

    /// The next interrupt may leave the card.
    pub(crate) fn rearm(&mut self) {
        self.sent = false;
        self.update();
    }

    /// Whether an interrupt is to be sent since this was last asked.
    pub(crate) fn take_due(&mut self) -> bool {
        std::mem::take(&mut self.due)
    }

    /// Before a register is read.
    pub(crate) fn read(&self, registers: &mut RegisterFile) {
        for leaf in 0..LEAVES {
            let (pending, enabled) = (self.pending[leaf], self.enabled[leaf]);
            put(registers, LEAF::at(leaf as u32), pending);
            put(registers, LEAF_EN_SET::at(leaf as u32), enabled);
            put(registers, LEAF_EN_CLEAR::at(leaf as u32), enabled);
        }
        put(registers, TOP::at(0), self.top());
        put(registers, TOP_EN_SET::at(0), self.top_enabled);
        put(registers, TOP_EN_CLEAR::at(0), self.top_enabled);
    }

    /// After ones were written to the register at `offset`.
    pub(crate) fn write(&mut self, offset: u32, ones: u32) {
        if let Some(leaf) = leaf_of::<LEAF>(offset) {
            self.pending[leaf] &= !ones;
        } else if let Some(leaf) = leaf_of::<LEAF_EN_SET>(offset) {
            self.enabled[leaf] |= ones;
        } else if let Some(leaf) = leaf_of::<LEAF_EN_CLEAR>(offset) {
            self.enabled[leaf] &= !ones;
        } else if offset == TOP_EN_SET::OFFSET {
            self.top_enabled |= ones;
            self.sent = false;
        } else if offset == TOP_EN_CLEAR::OFFSET {
            self.top_enabled &= !ones;
        } else if offset == LEAF_TRIGGER::OFFSET {
            self.raise(LEAF_TRIGGER::from_raw(ones).vector().value().into());
        }
        self.update();
    }

    /// Subtrees with a vector that is pending and enabled.
    fn top(&self) -> u32 {
        let leaves = self.pending.iter().zip(self.enabled).enumerate();
        leaves
            .filter(|(_, (pending, enabled))| *pending & enabled != 0)
            .fold(0, |top, (leaf, _)| top | 1 << leaf_subtree(leaf as u32))
    }

    fn update(&mut self) {
        if self.top() & self.top_enabled == 0 {
            self.sent = false;
        } else if !self.sent {
            (self.sent, self.due) = (true, true);
        }
    }
}

fn leaf_of<R: RegisterArray>(offset: u32) -> Option<usize> {
    let within = offset.checked_sub(R::OFFSET)?;
    let leaf = (within / R::STRIDE) as usize;
    (leaf < LEAVES).then_some(leaf)
}

fn put<R: Register>(registers: &mut RegisterFile, location: Option<Location<R>>, value: u32) {
    if let Some(location) = location {
        registers.set_value(location.offset(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: u32 = 133;
    const LEAF_4: u32 = 0xb8_1010;

    fn enabled() -> Vfn {
        let mut vfn = Vfn::default();
        vfn.write(0xb8_1210, 1 << 5);
        vfn.write(0xb8_1608, 1 << 2);
        vfn
    }

    #[test]
    fn a_vector_needs_leaf_and_subtree() {
        let mut vfn = Vfn::default();
        vfn.raise(VECTOR);
        assert!(!vfn.take_due());
        vfn.write(0xb8_1210, 1 << 5);
        assert_eq!(vfn.top(), 1 << 2);
        assert!(!vfn.take_due());
        vfn.write(0xb8_1608, 1 << 2);
        assert!(vfn.take_due() && !vfn.take_due());
        // Past the last leaf there is none.
        vfn.raise(8 * 32);
        assert_eq!(vfn.pending, [0, 0, 0, 0, 1 << 5, 0, 0, 0]);
    }

    #[test]
    fn one_interrupt_until_rearmed() {
        let mut vfn = enabled();
        vfn.raise(VECTOR);
        assert!(vfn.take_due());
        vfn.raise(VECTOR);
        assert!(!vfn.take_due());
        // Rearmed with the vector still pending: again.
        vfn.write(0xb8_1610, 1 << 2);
        vfn.write(0xb8_1608, 1 << 2);
        assert!(vfn.take_due());
        // Acknowledged, then raised anew.
        vfn.write(LEAF_4, 1 << 5);
        vfn.rearm();
        assert!(!vfn.take_due());
        vfn.write(0xb8_1640, VECTOR);
        assert!(vfn.take_due());
    }
}
