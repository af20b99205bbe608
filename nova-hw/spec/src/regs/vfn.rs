// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `NV_VIRTUAL_FUNCTION`, what each function has: the interrupt tree, TLB invalidation,
//! fault buffers, the user-mode clock and doorbell. Follows `dev_vm.h` of tu102 and ga102.
//!
//! The tree has two levels: a vector `n` is bit `n % 32` of leaf `n / 32`, and two leaves
//! share a subtree, a bit of the top.

use arbitrary_int::{u12, u2, u20, u28, u3};
use bitbybit::bitfield;

use crate::register::{plain, registers};

use super::ptimer::{NV_PTIMER_TIME_0, NV_PTIMER_TIME_1};

/// A vector's leaf and bit in it.
pub const fn vector_leaf(vector: u32) -> (u32, u32) {
    (vector / 32, vector % 32)
}

/// A leaf's bit in the top.
pub const fn leaf_subtree(leaf: u32) -> u32 {
    leaf / 2
}

plain! {
    /// Pending vectors.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF;
    /// Enables vectors; reads which are.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET;
    /// Disables vectors; reads which are enabled.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR;
    /// Subtrees with a vector that is pending and enabled.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP;
    /// Enables subtrees; reads which are.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_SET;
    /// Disables subtrees; reads which are enabled.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_CLEAR;
    /// Low part of a fault buffer's address.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO;
    /// High part of a fault buffer's address.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_HI;
    /// Where software reads a fault buffer.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET;
    /// Where hardware writes a fault buffer.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_PUT;
    /// Size of a fault buffer, and whether it is on.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE;
    /// The last fault that found no buffer.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_STATUS;
}

/// Raises a vector.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_TRIGGER {
    /// Which.
    #[bits(0..=11, rw)]
    vector: u12,
}

/// Which address space an invalidation is for.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB {
    /// The page directory is in system memory.
    #[bit(1, rw)]
    aperture_sys_mem: bool,
    /// Bits 39:12 of the page directory's address.
    #[bits(4..=31, rw)]
    addr: u28,
}

/// The upper part of the page directory's address.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB {
    /// Bits 59:40.
    #[bits(0..=19, rw)]
    addr: u20,
}

/// The pair of registers that name the page directory at `address` in VRAM, a multiple of
/// 4 KiB below 2^60.
pub fn invalidate_pdb(
    address: u64,
) -> (
    NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB,
    NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB,
) {
    let (low, high) = ((address >> 12) as u32 & 0x0fff_ffff, (address >> 40) as u32);
    (
        NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB::DEFAULT.with_addr(u28::new(low)),
        NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB::DEFAULT
            .with_addr(u20::new(high & 0xf_ffff)),
    )
}

/// [`NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE::ack`]: all who translate have answered
/// (`ACK_TYPE_GLOBALLY`).
pub const INVALIDATE_ACK_GLOBALLY: u2 = u2::new(1);

/// Starts the invalidation of TLBs.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE {
    /// Every virtual address.
    #[bit(0, rw)]
    all_va: bool,
    /// Every address space.
    #[bit(1, rw)]
    all_pdb: bool,
    /// Only the hub's TLB.
    #[bit(2, rw)]
    hubtlb_only: bool,
    /// What becomes of faults that wait: 0 is nothing.
    #[bits(3..=5, rw)]
    replay: u3,
    /// A barrier towards system memory first.
    #[bit(6, rw)]
    sys_membar: bool,
    /// Which acknowledgement is waited for: 0 is none.
    #[bits(7..=8, rw)]
    ack: u2,
    /// Down to which level of the page tables: 0 is all.
    #[bits(24..=26, rw)]
    cache_level: u3,
    /// Starts it; reads as one until it is done.
    #[bit(31, rw)]
    trigger: bool,
}

/// The clock as user mode sees it, low half.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_VIRTUAL_FUNCTION_TIME_0 {
    /// As [`NV_PTIMER_TIME_0`].
    #[bits(0..=31, rw)]
    value: u32,
}

/// The clock as user mode sees it, high half.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_VIRTUAL_FUNCTION_TIME_1 {
    /// As [`NV_PTIMER_TIME_1`].
    #[bits(0..=31, rw)]
    value: u32,
}

impl From<NV_PTIMER_TIME_0> for NV_VIRTUAL_FUNCTION_TIME_0 {
    fn from(time: NV_PTIMER_TIME_0) -> Self {
        Self::new_with_raw_value(time.raw_value())
    }
}

impl From<NV_PTIMER_TIME_1> for NV_VIRTUAL_FUNCTION_TIME_1 {
    fn from(time: NV_PTIMER_TIME_1) -> Self {
        Self::new_with_raw_value(time.raw_value())
    }
}

/// Tells the host engine that a channel has work: its work submit token.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_VIRTUAL_FUNCTION_DOORBELL {
    /// The channel's id in its runlist.
    #[bits(0..=11, rw)]
    channel: u12,
    /// The runlist.
    #[bits(16..=31, rw)]
    runlist: u16,
}

registers! {
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF at 0xb81000 [8], write_one_to_clear;
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET at 0xb81200 [8], write_one_to_set;
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR at 0xb81400 [8], write_one_to_clear;
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP at 0xb81600 [1], read_only;
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_SET at 0xb81608 [1], write_one_to_set;
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_CLEAR at 0xb81610 [1], write_one_to_clear;
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_TRIGGER at 0xb81640, write_only;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_LO at 0xb83000 [2 by 32], read_write;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_HI at 0xb83004 [2 by 32], read_write;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_GET at 0xb83008 [2 by 32], read_write;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_PUT at 0xb8300c [2 by 32], read_write;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_BUFFER_SIZE at 0xb83010 [2 by 32], read_write;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_FAULT_STATUS at 0xb83094, read_write;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB at 0xb830a0, read_write;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB at 0xb830a4, read_write;
    NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE at 0xb830b0, read_write;
    NV_VIRTUAL_FUNCTION_TIME_0 at 0xbb0080, read_only;
    NV_VIRTUAL_FUNCTION_TIME_1 at 0xbb0084, read_only;
    NV_VIRTUAL_FUNCTION_DOORBELL at 0xbb0090, write_only;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{Register, RegisterArray};

    #[test]
    fn a_vector_has_a_leaf_and_a_subtree() {
        assert_eq!(vector_leaf(0), (0, 0));
        assert_eq!(vector_leaf(133), (4, 5));
        assert_eq!(leaf_subtree(4), 2);
        let leaf = NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF::at(7).unwrap();
        assert_eq!(leaf.offset(), 0xb8_101c);
    }

    #[test]
    fn a_token_names_runlist_and_channel() {
        let token = NV_VIRTUAL_FUNCTION_DOORBELL::from_raw(0x0003_0007);
        assert_eq!((token.runlist(), token.channel().value()), (3, 7));
        let (low, high) = invalidate_pdb(0x0ab1_2345_6000 | 1 << 44);
        assert_eq!((low.into_raw(), high.into_raw()), (0xb123_4560, 0x1a));
        let all = NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE::DEFAULT
            .with_trigger(true)
            .with_all_va(true);
        assert_eq!(all.into_raw(), 0x8000_0001);
    }
}
