// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PBUS, the bus interface: what the host sees in BAR1. Follows `dev_bus.h`.

use bitbybit::{bitenum, bitfield};

use crate::register::registers;

/// How an address in BAR1 is resolved.
#[bitenum(u1, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
pub enum NV_PBUS_BAR1_BLOCK_MODE {
    /// BAR1 is VRAM, from its first byte on.
    PHYSICAL = 0,
    /// Page tables resolve BAR1.
    VIRTUAL = 1,
}

/// How BAR1 is resolved, and for virtual mode where its instance block is.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PBUS_BAR1_BLOCK {
    /// Physical or virtual.
    #[bit(31, rw)]
    mode: NV_PBUS_BAR1_BLOCK_MODE,
}

registers! {
    NV_PBUS_BAR1_BLOCK at 0x001704, read_write;
}
