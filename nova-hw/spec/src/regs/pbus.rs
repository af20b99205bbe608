// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PBUS, the bus interface: what the host sees in BAR1, BAR2 and the PRAMIN window, and
//! scratch registers. Follows `dev_bus.h` and `dev_bus_addendum.h`.

use arbitrary_int::{u2, u24, u28};
use bitbybit::{bitenum, bitfield};

use crate::register::{plain, registers, Register};

plain! {
    /// Scratch registers, which firmware and drivers use to tell each other things.
    NV_PBUS_SW_SCRATCH;
}

/// `NV_PBUS_VBIOS_SCRATCH(14)`: how FWSEC's FRTS command ended.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PBUS_SW_SCRATCH_0E_FRTS_ERR {
    /// 0 is success.
    #[bits(16..=31, rw)]
    frts_err_code: u16,
}

/// Scratch 21: how FWSEC's SB command ended.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PBUS_SW_SCRATCH_15_FWSEC_SB {
    /// 0 is success.
    #[bits(0..=15, rw)]
    err_code: u16,
}

impl NV_PBUS_SW_SCRATCH_0E_FRTS_ERR {
    /// Its place among [`NV_PBUS_SW_SCRATCH`].
    pub const INDEX: u32 = 0xe;
}

impl NV_PBUS_SW_SCRATCH_15_FWSEC_SB {
    /// Its place among [`NV_PBUS_SW_SCRATCH`].
    pub const INDEX: u32 = 0x15;
}

/// Which memory a window shows.
#[bitenum(u2, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum NV_PBUS_BAR0_WINDOW_TARGET {
    /// VRAM.
    VID_MEM = 0,
    /// System memory, snooped.
    SYS_MEM_COHERENT = 2,
    /// System memory, not snooped.
    SYS_MEM_NONCOHERENT = 3,
}

/// Where the PRAMIN window (1 MiB at [`PRAMIN`](super::PRAMIN)) is.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PBUS_BAR0_WINDOW {
    /// Address in units of 64 KiB.
    #[bits(0..=23, rw)]
    base: u24,
    /// Which memory.
    #[bits(24..=25, rw)]
    target: Option<NV_PBUS_BAR0_WINDOW_TARGET>,
}

impl NV_PBUS_BAR0_WINDOW {
    /// Address in VRAM of the window's first byte.
    pub fn address(self) -> u64 {
        u64::from(self.base().value()) << 16
    }

    /// The window over VRAM at `address`; `None` unless that is a multiple of 64 KiB below
    /// 2^40.
    pub fn over_vram(address: u64) -> Option<Self> {
        let base = u24::try_new(u32::try_from(address >> 16).ok()?).ok()?;
        (address % (1 << 16) == 0).then(|| Self::DEFAULT.with_base(base))
    }
}

/// How an address in BAR1 or BAR2 is resolved.
#[bitenum(u1, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
pub enum NV_PBUS_BAR1_BLOCK_MODE {
    /// The BAR is VRAM, from its first byte on.
    PHYSICAL = 0,
    /// Page tables resolve the BAR.
    VIRTUAL = 1,
}

/// How BAR1 is resolved, and for virtual mode where its instance block is.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PBUS_BAR1_BLOCK {
    /// Instance block's address in units of 4 KiB.
    #[bits(0..=27, rw)]
    ptr: u28,
    /// Memory of the instance block, as in [`NV_PBUS_BAR0_WINDOW_TARGET`].
    #[bits(28..=29, rw)]
    target: u2,
    /// Physical or virtual.
    #[bit(31, rw)]
    mode: NV_PBUS_BAR1_BLOCK_MODE,
}

/// How BAR2 (PCI's BAR3) is resolved, and where its instance block is.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PBUS_BAR2_BLOCK {
    /// Instance block's address in units of 4 KiB.
    #[bits(0..=27, rw)]
    ptr: u28,
    /// Memory of the instance block, as in [`NV_PBUS_BAR0_WINDOW_TARGET`].
    #[bits(28..=29, rw)]
    target: u2,
    /// Physical or virtual.
    #[bit(31, rw)]
    mode: NV_PBUS_BAR1_BLOCK_MODE,
}

impl NV_PBUS_BAR1_BLOCK {
    /// Virtual mode, with the instance block in VRAM at `address`; `None` unless that is a
    /// multiple of 4 KiB below 2^40.
    pub fn over_instance(address: u64) -> Option<Self> {
        let ptr = u28::try_new(u32::try_from(address >> 12).ok()?).ok()?;
        let block = Self::DEFAULT.with_mode(NV_PBUS_BAR1_BLOCK_MODE::VIRTUAL);
        (address % 4096 == 0).then(|| block.with_ptr(ptr))
    }

    /// Where the instance block is.
    pub fn address(self) -> u64 {
        u64::from(self.ptr().value()) << 12
    }
}

impl NV_PBUS_BAR2_BLOCK {
    /// As [`NV_PBUS_BAR1_BLOCK::over_instance`].
    pub fn over_instance(address: u64) -> Option<Self> {
        NV_PBUS_BAR1_BLOCK::over_instance(address).map(|block| Self::from_raw(block.into_raw()))
    }

    /// Where the instance block is.
    pub fn address(self) -> u64 {
        u64::from(self.ptr().value()) << 12
    }
}

registers! {
    NV_PBUS_SW_SCRATCH_0E_FRTS_ERR at 0x001438, read_only;
    NV_PBUS_SW_SCRATCH_15_FWSEC_SB at 0x001454, read_only;
    NV_PBUS_SW_SCRATCH at 0x001400 [64], read_write;
    NV_PBUS_BAR0_WINDOW at 0x001700, read_write;
    NV_PBUS_BAR1_BLOCK at 0x001704, read_write;
    NV_PBUS_BAR2_BLOCK at 0x001714, read_write;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{FixedRegister, RegisterArray};

    #[test]
    fn the_named_scratch_registers_are_of_the_array() {
        let at = |index| NV_PBUS_SW_SCRATCH::at(index).map(|location| location.offset());
        assert_eq!(
            at(NV_PBUS_SW_SCRATCH_0E_FRTS_ERR::INDEX),
            Some(NV_PBUS_SW_SCRATCH_0E_FRTS_ERR::LOCATION.offset())
        );
        assert_eq!(
            at(NV_PBUS_SW_SCRATCH_15_FWSEC_SB::INDEX),
            Some(NV_PBUS_SW_SCRATCH_15_FWSEC_SB::LOCATION.offset())
        );
        assert_eq!(at(64), None);
    }

    #[test]
    fn a_block_leads_to_an_instance_block() {
        let block = NV_PBUS_BAR1_BLOCK::over_instance(0xff_ffff_f000).unwrap();
        assert_eq!(block.into_raw(), 0x8fff_ffff);
        assert_eq!(block.address(), 0xff_ffff_f000);
        let block = NV_PBUS_BAR2_BLOCK::over_instance(0x1000).unwrap();
        assert_eq!((block.into_raw(), block.address()), (0x8000_0001, 0x1000));
        assert!(NV_PBUS_BAR1_BLOCK::over_instance(0x800).is_none());
        assert!(NV_PBUS_BAR2_BLOCK::over_instance(1 << 40).is_none());
    }

    #[test]
    fn the_window_has_40_bits_of_address() {
        let window = NV_PBUS_BAR0_WINDOW::over_vram(0xff_ffff_0000).unwrap();
        assert_eq!(window.into_raw(), 0xff_ffff);
        assert_eq!(window.address(), 0xff_ffff_0000);
        assert!(NV_PBUS_BAR0_WINDOW::over_vram(1 << 40).is_none());
        assert!(NV_PBUS_BAR0_WINDOW::over_vram(u64::MAX).is_none());
        assert!(NV_PBUS_BAR0_WINDOW::over_vram(0x8000).is_none());
    }
}
