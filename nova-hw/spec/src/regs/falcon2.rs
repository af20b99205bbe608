// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The second page of an engine: what its boot ROM is told, and its RISC-V core. Follows
//! `dev_falcon_second_pri.h` and `dev_riscv_pri.h` of ga102.

use bitbybit::{bitenum, bitfield};

use crate::{
    falcon::FalconEngine,
    register::{plain, registers, RegisterBase},
};

use super::PFALCON;

/// Second page of an engine's registers: `NV_FALCON2_GSP_BASE`, `NV_FALCON2_SEC_BASE`.
pub struct PFALCON2;

impl RegisterBase for PFALCON2 {
    fn base(engine: FalconEngine) -> u32 {
        PFALCON::base(engine) + 0x1000
    }
}

/// Signature algorithms.
#[bitenum(u8, exhaustive = false)]
#[derive(Debug, PartialEq, Eq)]
pub enum MOD_SEL_ALGO {
    /// RSA with 3072 bits.
    RSA3K = 1,
}

/// How the boot ROM checks the signature.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON2_FALCON_MOD_SEL {
    /// The algorithm.
    #[bits(0..=7, rw)]
    algo: Option<MOD_SEL_ALGO>,
}

/// Id of the program, which chooses its version fuse.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PFALCON2_FALCON_BROM_CURR_UCODE_ID {
    /// The id, from 1.
    #[bits(0..=7, rw)]
    val: u8,
}

plain! {
    /// Mask of the engines that may run the program.
    NV_PFALCON2_FALCON_BROM_ENGIDMASK;
    /// Parameters; the first is the signature's offset in DMEM.
    NV_PFALCON2_FALCON_BROM_PARAADDR;
    /// Which interrupts of the engine the RISC-V core lets through to the host.
    NV_PRISCV_RISCV_IRQMASK;
    /// Where they go.
    NV_PRISCV_RISCV_IRQDEST;
}

/// Which core runs.
#[bitenum(u1, exhaustive = true)]
#[derive(Debug, PartialEq, Eq)]
pub enum BCR_CTRL_CORE_SELECT {
    /// The falcon.
    FALCON = 0,
    /// The RISC-V core.
    RISCV = 1,
}

/// State of the RISC-V core.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PRISCV_RISCV_CPUCTL {
    /// It is halted.
    #[bit(4, rw)]
    halted: bool,
    /// It runs.
    #[bit(7, rw)]
    active_stat: bool,
}

/// Boot configuration: which core the engine uses.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PRISCV_RISCV_BCR_CTRL {
    /// The selection has taken effect.
    #[bit(0, rw)]
    valid: bool,
    /// The core.
    #[bit(4, rw)]
    core_select: BCR_CTRL_CORE_SELECT,
    /// The boot ROM fetches its configuration.
    #[bit(8, rw)]
    brfetch: bool,
}

registers! {
    NV_PFALCON2_FALCON_MOD_SEL at PFALCON2 + 0x180, read_write;
    NV_PFALCON2_FALCON_BROM_CURR_UCODE_ID at PFALCON2 + 0x198, read_write;
    NV_PFALCON2_FALCON_BROM_ENGIDMASK at PFALCON2 + 0x19c, read_write;
    NV_PFALCON2_FALCON_BROM_PARAADDR at PFALCON2 + 0x210 [4], read_write;
    NV_PRISCV_RISCV_CPUCTL at PFALCON2 + 0x388, read_write;
    NV_PRISCV_RISCV_IRQMASK at PFALCON2 + 0x528, read_only;
    NV_PRISCV_RISCV_IRQDEST at PFALCON2 + 0x52c, read_write;
    NV_PRISCV_RISCV_BCR_CTRL at PFALCON2 + 0x668, read_write;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{RelativeRegister, RelativeRegisterArray};

    #[test]
    fn the_second_page_is_at_its_place() {
        let gsp = FalconEngine::GSP;
        assert_eq!(NV_PRISCV_RISCV_CPUCTL::of(gsp).offset(), 0x11_1388);
        assert_eq!(NV_PRISCV_RISCV_BCR_CTRL::of(gsp).offset(), 0x11_1668);
        let signature = NV_PFALCON2_FALCON_BROM_PARAADDR::of_at(FalconEngine::SEC2, 0);
        assert_eq!(signature.unwrap().offset(), 0x84_1210);
    }
}
