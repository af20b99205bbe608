// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! UFLUSH: flushing what was written to VRAM. Follows the manuals of `dev_flush`.

use bitbybit::bitfield;

use crate::register::registers;

/// Flushes writes to VRAM.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_UFLUSH_FB_FLUSH {
    /// Starts a flush; reads as one until it is taken.
    #[bit(0, rw)]
    pending: bool,
    /// A flush is under way.
    #[bit(1, rw)]
    outstanding: bool,
}

registers! {
    NV_UFLUSH_FB_FLUSH at 0x070000, read_write;
}
