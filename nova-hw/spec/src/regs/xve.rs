// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! XVE, the PCI Express endpoint: configuration space as BAR0 shows it at
//! [`PCFG`](super::PCFG). Follows `dev_nv_xve.h`.

use bitbybit::bitfield;

use crate::register::{plain, registers};

/// Whether the ROM behind [`PROM`](super::PROM) and the ROM BAR is the flash or a shadow.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_XVE_ROM_CTRL {
    /// The shadow copy is shown.
    #[bit(0, rw)]
    rom_shadow: bool,
}

plain! {
    /// A write lets the next MSI out.
    NV_XVE_CYA_2;
}

registers! {
    NV_XVE_ROM_CTRL at 0x088050, read_write;
    NV_XVE_CYA_2 at 0x088704, read_write;
}
