// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The registers of BAR0 that the model has, with their content at power-on.

use nova_spec::{
    chip::Chip,
    register::Register,
    regs::{
        NV_PBUS_BAR1_BLOCK, NV_PMC_BOOT_0, NV_PMC_BOOT_1, NV_PMC_BOOT_42, NV_USABLE_FB_SIZE_IN_MB,
    },
};

use crate::register_file::{Entry, RegisterFile};

/// The register file of `chip` with `vram` bytes of memory, a whole number of MiB.
pub(crate) fn registers(chip: &Chip, vram: u64) -> RegisterFile {
    RegisterFile::new(table(chip, vram))
}

fn table(chip: &Chip, vram: u64) -> Vec<Entry> {
    vec![
        Entry::of(NV_PMC_BOOT_0::from_raw(chip.boot_0)),
        // Little endian.
        Entry::of(NV_PMC_BOOT_1::from_raw(0)),
        Entry::of(NV_PMC_BOOT_42::from_raw(chip.boot_42)),
        // Physical mode.
        Entry::of(NV_PBUS_BAR1_BLOCK::DEFAULT),
        // No larger than 2^20 MiB: the builder checks.
        Entry::of(NV_USABLE_FB_SIZE_IN_MB::from_raw((vram >> 20) as u32)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register_file::table_is_sound;
    use nova_spec::chip::CHIPS;

    #[test]
    fn the_table_is_sound_for_every_chip() {
        for chip in CHIPS {
            table_is_sound(&table(chip, 1 << 30), chip.bar0_size);
        }
    }
}
