// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PFB, the memory interface: the sysmem flush page, the write-protected region, and the
//! memory size of the chips before GA10x. Follows `dev_fb.h` and `dev_fb_addendum.h`.

use arbitrary_int::{u28, u4, u6};
use bitbybit::bitfield;

use crate::register::{plain, registers};

plain! {
    /// Bits 39:8 of the bus address of the sysmem flush page. 0 is none.
    NV_PFB_NISO_FLUSH_SYSMEM_ADDR;
}

/// Bits 63:40 of the bus address of the sysmem flush page.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI {
    /// Bits 63:40.
    #[bits(0..=23, rw)]
    adr_63_40: arbitrary_int::u24,
}

/// The pair of registers that hold `address`, low and high; the bits below 256 are lost.
pub fn flush_sysmem_addr(
    address: u64,
) -> (
    NV_PFB_NISO_FLUSH_SYSMEM_ADDR,
    NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI,
) {
    (
        NV_PFB_NISO_FLUSH_SYSMEM_ADDR::DEFAULT.with_value((address >> 8) as u32),
        NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI::new_with_raw_value((address >> 40) as u32),
    )
}

/// VRAM size of Turing and GA100: `mag << scale` MiB, less a sixteenth when ECC takes it.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFB_PRI_MMU_LOCAL_MEMORY_RANGE {
    /// Exponent.
    #[bits(0..=3, rw)]
    lower_scale: u4,
    /// Factor.
    #[bits(4..=9, rw)]
    lower_mag: u6,
    /// ECC takes a sixteenth.
    #[bit(30, rw)]
    ecc_mode_enabled: bool,
}

impl NV_PFB_PRI_MMU_LOCAL_MEMORY_RANGE {
    /// Usable VRAM in bytes; it cannot overflow (6 bits shifted by at most 35).
    pub fn bytes(self) -> u64 {
        let all = u64::from(self.lower_mag().value()) << (self.lower_scale().value() + 20);
        if self.ecc_mode_enabled() {
            all / 16 * 15
        } else {
            all
        }
    }
}

/// Start of the write-protected region 2, in which GSP's firmware lives.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFB_PRI_MMU_WPR2_ADDR_LO {
    /// Address in units of 4 KiB.
    #[bits(4..=31, rw)]
    val: u28,
}

impl NV_PFB_PRI_MMU_WPR2_ADDR_LO {
    /// The first byte of the region.
    pub fn address(self) -> u64 {
        u64::from(self.val().value()) << 12
    }

    /// The register for a region from `address`, a multiple of 4 KiB below 2^40.
    pub fn with_address(address: u64) -> Option<Self> {
        wpr2_field(address).map(|val| Self::DEFAULT.with_val(val))
    }
}

/// End of the write-protected region 2. 0 is no region.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFB_PRI_MMU_WPR2_ADDR_HI {
    /// Address in units of 4 KiB.
    #[bits(4..=31, rw)]
    val: u28,
}

impl NV_PFB_PRI_MMU_WPR2_ADDR_HI {
    /// The byte after the region; 0 when there is none.
    pub fn address(self) -> u64 {
        u64::from(self.val().value()) << 12
    }

    /// Whether there is a region.
    pub fn is_set(self) -> bool {
        self.val().value() != 0
    }

    /// The register for a region up to `address`, a multiple of 4 KiB below 2^40.
    pub fn with_address(address: u64) -> Option<Self> {
        wpr2_field(address).map(|val| Self::DEFAULT.with_val(val))
    }
}

fn wpr2_field(address: u64) -> Option<u28> {
    let val = u28::try_new(u32::try_from(address >> 12).ok()?).ok()?;
    (address % 4096 == 0).then_some(val)
}

registers! {
    NV_PFB_NISO_FLUSH_SYSMEM_ADDR at 0x100c10, read_write;
    NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI at 0x100c40, read_write;
    NV_PFB_PRI_MMU_LOCAL_MEMORY_RANGE at 0x100ce0, read_only;
    NV_PFB_PRI_MMU_WPR2_ADDR_LO at 0x1fa824, read_only;
    NV_PFB_PRI_MMU_WPR2_ADDR_HI at 0x1fa828, read_only;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Register;

    #[test]
    fn wpr2_holds_the_address_shifted_by_8() {
        let lo = NV_PFB_PRI_MMU_WPR2_ADDR_LO::with_address(0x3fe0_0000).unwrap();
        assert_eq!(lo.into_raw(), 0x3f_e000);
        assert_eq!(lo.address(), 0x3fe0_0000);
        assert!(NV_PFB_PRI_MMU_WPR2_ADDR_LO::with_address(0x800).is_none());
        assert!(NV_PFB_PRI_MMU_WPR2_ADDR_HI::with_address(1 << 40).is_none());
        // The bits below the field are no address.
        assert!(!NV_PFB_PRI_MMU_WPR2_ADDR_HI::from_raw(0xf).is_set());
    }

    #[test]
    fn the_flush_page_is_split_at_bit_40() {
        let (lo, hi) = flush_sysmem_addr(0x7fab_1234_5000);
        assert_eq!((lo.into_raw(), hi.into_raw()), (0xab12_3450, 0x7f));
    }

    #[test]
    fn the_older_memory_size() {
        let range = NV_PFB_PRI_MMU_LOCAL_MEMORY_RANGE::from_raw(0x2cb);
        assert_eq!(range.bytes(), 0x2c << 31);
        assert_eq!(
            NV_PFB_PRI_MMU_LOCAL_MEMORY_RANGE::from_raw(u32::MAX).bytes(),
            (63u64 << 35) / 16 * 15
        );
    }
}
