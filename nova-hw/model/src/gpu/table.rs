// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The registers of BAR0 that the model has: every one that `nova-spec` declares, with its
//! content at power-on.

use std::collections::BTreeMap;

use nova_spec::{
    chip::Chip,
    falcon::FalconEngine,
    register::{Declaration, FixedRegister, Location, Register, RegisterArray, RelativeRegister},
    regs::*,
};

use crate::{
    board::Board,
    register_file::{Entry, RegisterFile},
};

/// The register file of `chip` on a card.
pub(crate) fn registers(chip: &Chip, board: &Board) -> RegisterFile {
    RegisterFile::new(table(chip, board).into_values().collect())
}

fn table(chip: &Chip, board: &Board) -> BTreeMap<u32, Entry> {
    let mut table = declared();
    power_on(&mut table, NV_PMC_BOOT_0::LOCATION, chip.boot_0);
    power_on(&mut table, NV_PMC_BOOT_42::LOCATION, chip.boot_42);
    // No larger than 2^20 MiB: the builder checks.
    let mib = (board.vram >> 20) as u32;
    power_on(&mut table, NV_USABLE_FB_SIZE_IN_MB::LOCATION, mib);
    display(&mut table, board);
    fuses(&mut table, board);
    for engine in FalconEngine::ALL {
        power_on(&mut table, NV_PFALCON_FALCON_HWCFG::of(engine), MEMORIES);
        power_on(&mut table, NV_PFALCON_FALCON_HWCFG1::of(engine), CORE);
        let brfetch = NV_PRISCV_RISCV_BCR_CTRL::DEFAULT.with_valid(true);
        let location = NV_PRISCV_RISCV_BCR_CTRL::of(engine);
        power_on(&mut table, location, brfetch.into_raw());
    }
    table
}

/// IMEM and DMEM of 64 KiB each.
const MEMORIES: u32 = 0x2_0100;
/// A core of version 6 with heavy security, one port to each memory.
const CORE: u32 = 0x1136;

fn display(table: &mut BTreeMap<u32, Entry>, board: &Board) {
    let data = match board.display {
        true => OPT_DISPLAY_DATA::ENABLE,
        false => OPT_DISPLAY_DATA::DISABLE,
    };
    let fuse = NV_FUSE_STATUS_OPT_DISPLAY::DEFAULT.with_data(data);
    power_on(table, NV_FUSE_STATUS_OPT_DISPLAY::LOCATION, fuse.into_raw());
    if let Some(address) = board.vga_workspace {
        // Bits 31:8 are the address in units of 64 KiB, bit 3 says that there is one.
        let workspace = ((address >> 16) as u32) << 8 | 1 << 3;
        power_on(table, NV_PDISP_VGA_WORKSPACE_BASE::LOCATION, workspace);
    }
}

fn fuses(table: &mut BTreeMap<u32, Entry>, board: &Board) {
    let fwsec = board.vbios.ucode_id().checked_sub(1);
    let fwsec = fwsec.and_then(|i| NV_FUSE_OPT_FPF_GSP_UCODE_VERSION::at(i.into()));
    if let Some(location) = fwsec {
        power_on(table, location, board.fwsec_fuse().into());
    }
    // One program of each id has one version: the first.
    for index in 0..NV_FUSE_OPT_FPF_SEC2_UCODE_VERSION::COUNT {
        if let Some(location) = NV_FUSE_OPT_FPF_SEC2_UCODE_VERSION::at(index) {
            power_on(table, location, board.sec2_fuse.into());
        }
    }
}

fn power_on<R: Register>(table: &mut BTreeMap<u32, Entry>, location: Location<R>, reset: u32) {
    if let Some(entry) = table.get_mut(&location.offset()) {
        entry.reset = reset;
    }
}

/// Every declaration, a register at a time; the first to name an offset has it.
fn declared() -> BTreeMap<u32, Entry> {
    let mut table = BTreeMap::new();
    for declaration in DECLARATIONS.iter().copied().flatten() {
        let bases = match declaration.base {
            None => vec![0],
            Some(base) => FalconEngine::ALL.map(base).to_vec(),
        };
        for start in bases.into_iter().flat_map(|base| places(declaration, base)) {
            table.entry(start).or_insert(Entry {
                start,
                len: 4,
                name: declaration.name,
                access: declaration.access,
                reset: 0,
            });
        }
    }
    table
}

fn places(declaration: &Declaration, base: u32) -> impl Iterator<Item = u32> + use<'_> {
    let count = declaration.count.unwrap_or(1);
    (0..count).map(move |index| base + declaration.offset + index * declaration.stride)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register_file::table_is_sound;
    use nova_spec::chip::CHIPS;

    #[test]
    fn the_table_is_sound_for_every_chip() {
        for chip in CHIPS {
            let entries: Vec<_> = table(chip, &Board::default()).into_values().collect();
            table_is_sound(&entries, chip.bar0_size);
            assert!(entries.len() > 200);
        }
    }
}
