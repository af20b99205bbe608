// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! PDISP and its VGA half: all that a boot without a screen meets of it. Follows
//! `dev_disp.h`; the VGA registers are those of the PC, at [`PRMCIO`](super::PRMCIO).

use arbitrary_int::u24;
use bitbybit::bitfield;

use crate::register::registers;

/// Where the VGA workspace is in VRAM.
#[bitfield(u32, default = 0)]
#[derive(PartialEq, Eq)]
pub struct NV_PDISP_VGA_WORKSPACE_BASE {
    /// There is one.
    #[bit(3, rw)]
    status_valid: bool,
    /// Address in units of 64 KiB.
    #[bits(8..=31, rw)]
    addr: u24,
}

impl NV_PDISP_VGA_WORKSPACE_BASE {
    /// Its address in VRAM, when there is one.
    pub fn address(self) -> Option<u64> {
        self.status_valid()
            .then(|| u64::from(self.addr().value()) << 16)
    }
}

registers! {
    NV_PDISP_VGA_WORKSPACE_BASE at 0x625f04, read_only;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Register;

    #[test]
    fn an_address_needs_the_valid_bit() {
        let workspace = NV_PDISP_VGA_WORKSPACE_BASE::from_raw;
        assert_eq!(workspace(0x003f_f008).address(), Some(0x3ff0_0000));
        assert_eq!(workspace(0x003f_f000).address(), None);
    }
}
