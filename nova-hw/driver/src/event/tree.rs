// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The interrupt tree of `NV_VIRTUAL_FUNCTION`, as far as the driver uses it: which vectors are
//! on, and which of them are pending.

use nova_pci::Pci;
use nova_spec::{
    falcon::FalconEngine,
    register::{FixedRegister, Register, RegisterArray, RelativeRegister, RelativeRegisterArray},
    regs::{
        leaf_subtree, vector_leaf, NV_PFALCON_FALCON_INTR_RETRIGGER, NV_PFALCON_FALCON_IRQSCLR,
        NV_PFALCON_FALCON_IRQSTAT, NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF as LEAF,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR as LEAF_EN_CLEAR,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET as LEAF_EN_SET,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_CLEAR as TOP_EN_CLEAR,
        NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_SET as TOP_EN_SET, NV_XVE_CYA_2,
    },
};

use crate::{card::Card, error::Cause};

const LEAVES: usize = LEAF::COUNT as usize;

/// The vectors that the driver takes care of, a mask a leaf.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tree {
    enabled: [u32; LEAVES],
}

impl Tree {
    /// A tree with those vectors; those beyond it are left out.
    pub(crate) fn new(vectors: impl Iterator<Item = u32>) -> Self {
        let mut tree = Self::default();
        for (leaf, bit) in vectors.map(vector_leaf) {
            if let Some(enabled) = tree.enabled.get_mut(leaf as usize) {
                *enabled |= 1 << bit;
            }
        }
        tree
    }

    /// The leaves with a vector that is on.
    fn leaves(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let leaves = (0..).zip(self.enabled);
        leaves.filter(|&(_, enabled)| enabled != 0)
    }

    fn subtrees(&self) -> u32 {
        self.leaves()
            .fold(0, |top, (leaf, _)| top | 1 << leaf_subtree(leaf))
    }

    /// Turns its vectors on, and all others off. What came before is forgotten.
    pub(crate) fn enable<P: Pci>(&self, card: &Card<P>) -> Result<(), Cause> {
        let registers = &card.registers;
        self.disable(card)?;
        for leaf in (0..LEAF::COUNT).filter_map(LEAF::at) {
            registers.clear_at(leaf, u32::MAX)?;
        }
        for (leaf, enabled) in self.leaves() {
            registers.set_at(place::<LEAF_EN_SET>(leaf), enabled)?;
        }
        self.rearm(card)
    }

    /// Turns every vector off.
    pub(crate) fn disable<P: Pci>(&self, card: &Card<P>) -> Result<(), Cause> {
        let registers = &card.registers;
        registers.clear_at(place::<TOP_EN_CLEAR>(0), u32::MAX)?;
        for leaf in (0..LEAF_EN_CLEAR::COUNT).filter_map(LEAF_EN_CLEAR::at) {
            registers.clear_at(leaf, u32::MAX)?;
        }
        Ok(())
    }

    /// Keeps the next interrupt back until [`Self::rearm`].
    pub(crate) fn mask<P: Pci>(&self, card: &Card<P>) -> Result<(), Cause> {
        card.registers
            .clear_at(place::<TOP_EN_CLEAR>(0), self.subtrees())
    }

    /// Lets the next interrupt out: at once where a vector is pending.
    pub(crate) fn rearm<P: Pci>(&self, card: &Card<P>) -> Result<(), Cause> {
        card.registers
            .write_at(NV_XVE_CYA_2::LOCATION, NV_XVE_CYA_2::DEFAULT)?;
        card.registers
            .set_at(place::<TOP_EN_SET>(0), self.subtrees())
    }

    /// The vectors that are pending, of those that are on. They are acknowledged: what happens
    /// from here on is pending again.
    pub(crate) fn take<P: Pci>(&self, card: &Card<P>) -> Result<Self, Cause> {
        let mut pending = Self::default();
        for (leaf, enabled) in self.leaves() {
            let location = place::<LEAF>(leaf);
            let found = card.registers.read_any(location)?.into_raw() & enabled;
            if found != 0 {
                card.registers.clear_at(location, found)?;
                pending.enabled[leaf as usize] = found;
            }
        }
        Ok(pending)
    }

    /// Whether it has that vector.
    pub(crate) fn has(&self, vector: u32) -> bool {
        let (leaf, bit) = vector_leaf(vector);
        let leaf = self.enabled.get(leaf as usize);
        leaf.is_some_and(|enabled| enabled >> bit & 1 != 0)
    }
}

fn place<R: RegisterArray>(index: u32) -> nova_spec::register::Location<R> {
    // PANIC: leaves are counted by the array's own count, and there is one top.
    R::at(index).expect("a register of the interrupt tree")
}

/// Takes GSP's interrupt back; whether it was that there is a message. GSP then raises its vector
/// again if something is left.
pub(crate) fn acknowledge_gsp<P: Pci>(card: &Card<P>) -> Result<bool, Cause> {
    let registers = &card.registers;
    let status = registers.read_any(NV_PFALCON_FALCON_IRQSTAT::of(FalconEngine::GSP))?;
    let clear = NV_PFALCON_FALCON_IRQSCLR::from_raw(status.into_raw());
    registers.write_at(NV_PFALCON_FALCON_IRQSCLR::of(FalconEngine::GSP), clear)?;
    Ok(status.swgen0())
}

/// Has GSP raise its vector again if something is left.
pub(crate) fn retrigger_gsp<P: Pci>(card: &Card<P>) -> Result<(), Cause> {
    // PANIC: the array has two.
    let location = NV_PFALCON_FALCON_INTR_RETRIGGER::of_at(FalconEngine::GSP, 0)
        .expect("a register to retrigger");
    let trigger = NV_PFALCON_FALCON_INTR_RETRIGGER::DEFAULT.with_trigger(true);
    card.registers.write_at(location, trigger)
}
