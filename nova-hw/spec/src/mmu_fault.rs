// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why the MMU refused an access. Follows `NV_PFAULT_FAULT_TYPE` of `dev_fault.h` and
//! `dev_mmu_fault.ref.txt`, from Pascal on.
#![allow(missing_docs)]

use crate::numbers::named_numbers;

named_numbers! {
    /// `NV_PFAULT_FAULT_TYPE_*`. Displays as its name.
    MmuFaultType, "MMU fault";
    /// A page directory leads no further, or cannot be read.
    PDE = 0x0;
    /// A page directory's entry is for tables of another size.
    PDE_SIZE = 0x1;
    /// A page table has no page, or cannot be read.
    PTE = 0x2;
    /// The virtual address has too many bits.
    VA_LIMIT_VIOLATION = 0x3;
    /// The channel has no page directory.
    UNBOUND_INST_BLOCK = 0x4;
    /// An unprivileged access to a privileged page.
    PRIV_VIOLATION = 0x5;
    /// A write to a page that is read-only.
    RO_VIOLATION = 0x6;
    WO_VIOLATION = 0x7;
    PITCH_MASK_VIOLATION = 0x8;
    WORK_CREATION = 0x9;
    /// The page is in a memory that there is not.
    UNSUPPORTED_APERTURE = 0xa;
    COMPRESSION_FAILURE = 0xb;
    /// The page is laid out in a way that there is not.
    UNSUPPORTED_KIND = 0xc;
    /// The physical address is outside of memory, or protected.
    REGION_VIOLATION = 0xd;
    /// What was read is no data.
    POISONED = 0xe;
    ATOMIC_VIOLATION = 0xf;
}
