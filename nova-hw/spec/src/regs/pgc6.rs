// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PGC6, the always-on island: scratch registers in which the card's own firmware leaves
//! what it found. Follows `dev_gc6_island.h` and its `_addendum.h`.

use bitbybit::bitfield;

use crate::register::registers;

/// Usable VRAM (secure scratch group 42), left by the card's firmware. GA10x and later.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct NV_USABLE_FB_SIZE_IN_MB {
    /// MiB.
    #[bits(0..=31, r)]
    value: u32,
}

impl NV_USABLE_FB_SIZE_IN_MB {
    /// Usable VRAM in bytes; it cannot overflow (32 bits of MiB are 52 bits).
    pub fn bytes(self) -> u64 {
        u64::from(self.value()) << 20
    }
}

registers! {
    NV_USABLE_FB_SIZE_IN_MB at 0x1183a4, read_only;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Register;

    #[test]
    fn the_largest_value_is_no_overflow() {
        assert_eq!(NV_USABLE_FB_SIZE_IN_MB::from_raw(24576).bytes(), 24 << 30);
        assert_eq!(
            NV_USABLE_FB_SIZE_IN_MB::from_raw(u32::MAX).bytes(),
            u64::from(u32::MAX) * 1024 * 1024
        );
    }
}
