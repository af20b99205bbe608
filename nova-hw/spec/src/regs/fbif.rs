// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! FBIF, a falcon's interface to memory. Follows `dev_fbif_v4.h` of ga102.

use bitbybit::{bitenum, bitfield};

use crate::{
    falcon::FalconEngine,
    register::{registers, RegisterBase},
};

use super::PFALCON;

/// Start of an engine's memory interface.
pub struct FBIF;

impl RegisterBase for FBIF {
    fn base(engine: FalconEngine) -> u32 {
        PFALCON::base(engine) + 0x600
    }
}

/// Which memory an aperture reaches.
#[bitenum(u2, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum FBIF_TRANSCFG_TARGET {
    /// VRAM.
    LOCAL_FB = 0,
    /// System memory, snooped.
    COHERENT_SYSMEM = 1,
    /// System memory, not snooped.
    NONCOHERENT_SYSMEM = 2,
}

/// What the addresses of an aperture are.
#[bitenum(u1, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
pub enum FBIF_TRANSCFG_MEM_TYPE {
    /// Resolved by page tables.
    VIRTUAL = 0,
    /// As they are.
    PHYSICAL = 1,
}

/// One aperture of a falcon's DMA.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FBIF_TRANSCFG {
    /// Which memory.
    #[bits(0..=1, rw)]
    target: Option<FBIF_TRANSCFG_TARGET>,
    /// Which addresses.
    #[bit(2, rw)]
    mem_type: FBIF_TRANSCFG_MEM_TYPE,
}

/// What a falcon's DMA may do.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON_FBIF_CTL {
    /// Physical addresses without an instance block.
    #[bit(7, rw)]
    allow_phys_no_ctx: bool,
}

registers! {
    NV_PFALCON_FBIF_TRANSCFG at FBIF + 0x00 [8], read_write;
    NV_PFALCON_FBIF_CTL at FBIF + 0x24, read_write;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{Register, RelativeRegister, RelativeRegisterArray};

    #[test]
    fn coherent_physical_is_5() {
        let config = NV_PFALCON_FBIF_TRANSCFG::DEFAULT
            .with_target(FBIF_TRANSCFG_TARGET::COHERENT_SYSMEM)
            .with_mem_type(FBIF_TRANSCFG_MEM_TYPE::PHYSICAL);
        assert_eq!(config.into_raw(), 5);
        let first = NV_PFALCON_FBIF_TRANSCFG::of_at(FalconEngine::GSP, 0).unwrap();
        assert_eq!(first.offset(), 0x11_0600);
        assert_eq!(
            NV_PFALCON_FBIF_CTL::of(FalconEngine::SEC2).offset(),
            0x84_0624
        );
    }
}
