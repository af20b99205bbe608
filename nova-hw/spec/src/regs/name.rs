// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The name of any offset in BAR0, for traces.

use core::fmt;

use super::{
    disp, falcon, falcon2, fbif, fuse, gsp, pbus, pextdev, pfb, pgc6, pmc, ptimer, uflush, vfn,
    xve, WINDOWS,
};
use crate::{
    falcon::FalconEngine,
    register::{Declaration, RegisterName},
};

/// The declarations of every register, a slice a hardware unit. Where two share an offset the
/// first is the more telling.
pub const DECLARATIONS: &[&[Declaration]] = &[
    pmc::TABLE,
    pbus::TABLE,
    ptimer::TABLE,
    uflush::TABLE,
    xve::TABLE,
    pfb::TABLE,
    pextdev::TABLE,
    falcon::TABLE,
    fbif::TABLE,
    falcon2::TABLE,
    gsp::TABLE,
    pgc6::TABLE,
    disp::TABLE,
    fuse::TABLE,
    vfn::TABLE,
];

/// What is at an offset of BAR0. Displays as a name whatever it is: `NV_PROM+0x40` in a
/// window, `0x123456` where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A register.
    Register(RegisterName),
    /// A byte of a window.
    Window {
        /// The window's name.
        name: &'static str,
        /// Bytes from its start.
        offset: u32,
    },
    /// Nothing that this crate knows.
    Unknown(u32),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(name) => name.fmt(f),
            Self::Window { name, offset } => write!(f, "{name}+{offset:#x}"),
            Self::Unknown(offset) => write!(f, "{offset:#08x}"),
        }
    }
}

/// What is at `offset` of BAR0: the register that has this byte, or the window.
pub fn name_at(offset: u32) -> Named {
    let declarations = DECLARATIONS.iter().copied().flatten();
    if let Some(name) = declarations.filter_map(|d| name_in(d, offset)).next() {
        return Named::Register(name);
    }
    for window in WINDOWS {
        if let Some(offset) = window.offset_of(offset) {
            let name = window.name;
            return Named::Window { name, offset };
        }
    }
    Named::Unknown(offset)
}

fn name_in(declaration: &Declaration, offset: u32) -> Option<RegisterName> {
    let named = |engine, base: u32| {
        let within = offset.checked_sub(base + declaration.offset)?;
        let (index, byte) = (within / declaration.stride, within % declaration.stride);
        (byte < 4 && index < declaration.count.unwrap_or(1)).then_some(RegisterName {
            name: declaration.name,
            engine,
            index: declaration.count.map(|_| index),
        })
    };
    match declaration.base {
        None => named(None, 0),
        Some(base) => FalconEngine::ALL
            .into_iter()
            .find_map(|engine| named(Some(engine), base(engine))),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::register::{FixedRegister, RegisterArray, RelativeRegister};
    use crate::regs::*;
    use std::{collections::HashMap, string::ToString, vec::Vec};

    #[test]
    fn every_kind_of_place_has_a_name() {
        for (offset, name) in [
            (0x00_0a00, "NV_PMC_BOOT_42"),
            (0x00_1438, "NV_PBUS_SW_SCRATCH_0E_FRTS_ERR"),
            (0x00_143c, "NV_PBUS_SW_SCRATCH(15)"),
            (0x11_0040, "NV_PFALCON_FALCON_MAILBOX0(GSP)"),
            (0x84_0043, "NV_PFALCON_FALCON_MAILBOX0(SEC2)"),
            (0x84_1388, "NV_PRISCV_RISCV_CPUCTL(SEC2)"),
            (0x11_0604, "NV_PFALCON_FBIF_TRANSCFG(GSP, 1)"),
            (0x08_8704, "NV_XVE_CYA_2"),
            (0x08_8000, "NV_PCFG+0x0"),
            (0x30_0040, "NV_PROM+0x40"),
            (0x60_13d4, "NV_PRMCIO+0x3d4"),
            (0x7f_fffc, "NV_PRAMIN+0xffffc"),
            (0x00_0010, "0x000010"),
            (0xff_fffc, "0xfffffc"),
            (u32::MAX, "0xffffffff"),
        ] {
            assert_eq!(name_at(offset).to_string(), name);
        }
    }

    #[test]
    fn the_table_says_what_the_types_say() {
        let locations = [
            NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_0_GFW_BOOT::LOCATION.name(),
            NV_PFALCON_FALCON_DMATRFCMD::of(FalconEngine::SEC2).name(),
            NV_FUSE_OPT_FPF_GSP_UCODE_VERSION::at(8).unwrap().name(),
        ];
        for (name, offset) in locations.into_iter().zip([0x11_8234, 0x84_0118, 0x82_41e0]) {
            assert_eq!(name_at(offset), Named::Register(name));
        }
    }

    #[test]
    fn registers_do_not_overlap_and_fit_bar0() {
        let mut names: HashMap<u32, Vec<&str>> = HashMap::new();
        for d in DECLARATIONS.iter().copied().flatten() {
            let bases = match d.base {
                None => std::vec![0],
                Some(base) => FalconEngine::ALL.map(base).to_vec(),
            };
            for base in bases {
                for index in 0..d.count.unwrap_or(1) {
                    let offset = base + d.offset + index * d.stride;
                    assert!(offset < 16 << 20 && offset % 4 == 0, "{}", d.name);
                    names.entry(offset).or_default().push(d.name);
                }
            }
        }
        // Two scratch registers have a name of their own.
        let shared: Vec<_> = names.values().filter(|names| names.len() > 1).collect();
        assert_eq!(shared.len(), 2, "{shared:?}");
        assert!(shared
            .iter()
            .all(|names| names.contains(&"NV_PBUS_SW_SCRATCH")));
    }
}
