// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PGC6, the always-on island: scratch registers in which the card's own firmware leaves
//! what it found and how far it is. Follows `dev_gc6_island.h` and its `_addendum.h`.

use bitbybit::bitfield;

use crate::register::registers;

/// Who may read scratch group 5.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_PRIV_LEVEL_MASK {
    /// A driver may: the card's firmware has let go of the register.
    #[bit(0, rw)]
    read_protection_level0: bool,
}

/// Secure scratch group 5, register 0: how far the card's firmware (GFW) has booted.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_0_GFW_BOOT {
    /// Progress.
    #[bits(0..=7, rw)]
    progress: u8,
}

impl NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_0_GFW_BOOT {
    /// Progress at the end of the boot.
    pub const PROGRESS_COMPLETED: u8 = 0xff;

    /// Whether the firmware's boot is over, and the card may be used.
    pub fn completed(self) -> bool {
        self.progress() == Self::PROGRESS_COMPLETED
    }
}

/// Secure scratch 14 of the boot-stage island: what GSP-RM's resume left.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PGC6_BSI_SECURE_SCRATCH_14 {
    /// SEC2's firmware has handed over.
    #[bit(26, rw)]
    boot_stage_3_handoff: bool,
}

/// Usable VRAM (secure scratch group 42), left by the card's firmware. GA10x and later.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_USABLE_FB_SIZE_IN_MB {
    /// MiB.
    #[bits(0..=31, rw)]
    value: u32,
}

impl NV_USABLE_FB_SIZE_IN_MB {
    /// Usable VRAM in bytes; it cannot overflow (32 bits of MiB are 52 bits).
    pub fn bytes(self) -> u64 {
        u64::from(self.value()) << 20
    }
}

registers! {
    NV_PGC6_BSI_SECURE_SCRATCH_14 at 0x1180f8, read_write;
    NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_PRIV_LEVEL_MASK at 0x118128, read_only;
    NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_0_GFW_BOOT at 0x118234, read_only;
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

    #[test]
    fn only_the_last_step_of_gfw_is_completion() {
        let progress = NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_0_GFW_BOOT::from_raw;
        assert!(progress(0xff).completed());
        assert!(!progress(0xfe).completed());
        assert!(progress(0xabcd_00ff).completed());
    }
}
