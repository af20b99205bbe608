// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `MEM_OP_A` to `D`, the methods of the host engine for TLBs, caches and barriers. Writing the
//! last one starts it. Follows `clc56f.h`.
#![allow(non_camel_case_types)] // its names

use arbitrary_int::{u2, u20, u27, u3, u5};
use bitbybit::bitfield;

/// `MEM_OP_C`: what an invalidation is for, and which barrier one is.
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct MemOpC {
    /// Every address space, and not one.
    #[bit(0, rw)]
    tlb_invalidate_pdb_all: bool,
    /// Not in graphics' TLBs.
    #[bit(1, rw)]
    tlb_invalidate_gpc_disable: bool,
    /// What becomes of faults that wait: 0 is nothing.
    #[bits(2..=4, rw)]
    tlb_invalidate_replay: u3,
    /// Which acknowledgement is waited for: 0 is none.
    #[bits(5..=6, rw)]
    tlb_invalidate_ack_type: u2,
    /// Down to which level of the page tables: 0 is all.
    #[bits(7..=9, rw)]
    tlb_invalidate_page_table_level: u3,
    /// Where the page directory is: a [`PageDirBaseTarget`](crate::host::PageDirBaseTarget).
    #[bits(10..=11, rw)]
    tlb_invalidate_pdb_aperture: u2,
    /// Bits 31:12 of its address.
    #[bits(12..=31, rw)]
    tlb_invalidate_pdb_addr_lo: u20,
}

/// `MEM_OP_D`: what is done.
#[bitfield(u32, default = 0)]
#[derive(Debug, PartialEq, Eq)]
pub struct MemOpD {
    /// Bits 58:32 of the page directory's address.
    #[bits(0..=26, rw)]
    tlb_invalidate_pdb_addr_hi: u27,
    /// One of [`operation`].
    #[bits(27..=31, rw)]
    operation: u5,
}

/// Operations. All but the barrier are privileged.
pub mod operation {
    #![allow(missing_docs)] // open-gpu-doc's names
    pub const MEMBAR: u8 = 0x05;
    pub const MMU_TLB_INVALIDATE: u8 = 0x09;
    pub const MMU_TLB_INVALIDATE_TARGETED: u8 = 0x0a;
    pub const L2_PEERMEM_INVALIDATE: u8 = 0x0d;
    pub const L2_SYSMEM_INVALIDATE: u8 = 0x0e;
    pub const L2_CLEAN_COMPTAGS: u8 = 0x0f;
    pub const L2_FLUSH_DIRTY: u8 = 0x10;
    pub const L2_WAIT_FOR_SYS_PENDING_READS: u8 = 0x15;
    pub const ACCESS_COUNTER_CLR: u8 = 0x16;
}

impl MemOpC {
    /// An invalidation of one address space; `None` unless its page directory is at a multiple of
    /// 4 KiB below 2^59. `system` says that it is in system memory.
    pub fn invalidate(system: bool, address: u64) -> Option<(Self, MemOpD)> {
        let high = u27::try_new(u32::try_from(address >> 32).ok()?).ok()?;
        let low = u20::new((address >> 12) as u32 & 0xf_ffff);
        let c = Self::DEFAULT
            .with_tlb_invalidate_pdb_aperture(u2::new(if system { 2 } else { 0 }))
            .with_tlb_invalidate_pdb_addr_lo(low);
        let d = MemOpD::DEFAULT
            .with_tlb_invalidate_pdb_addr_hi(high)
            .with_operation(u5::new(operation::MMU_TLB_INVALIDATE));
        (address % 4096 == 0).then_some((c, d))
    }

    /// The page directory's address, of which `d` has the upper part.
    pub fn page_directory(self, d: MemOpD) -> u64 {
        u64::from(self.tlb_invalidate_pdb_addr_lo().value()) << 12
            | u64::from(d.tlb_invalidate_pdb_addr_hi().value()) << 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalidation_by_hand() {
        let (c, d) = MemOpC::invalidate(true, 0x12_3456_7000).unwrap();
        assert_eq!(c.raw_value(), 0x3456_7000 | 2 << 10);
        assert_eq!(d.raw_value(), 9 << 27 | 0x12);
        assert_eq!(c.page_directory(d), 0x12_3456_7000);
        assert!(MemOpC::invalidate(false, 0x800).is_none());
        assert!(MemOpC::invalidate(false, 1 << 59).is_none());
    }
}
