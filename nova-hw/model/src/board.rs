// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What is not the chip's but this card's: memory, fuses, VBIOS, and how long its parts take.
//! Without a seed it is one plain card; a seed draws everything that a card may choose.

use std::ops::RangeInclusive;

use fastrand::Rng;
use nova_spec::{chip::Chip, vbios::RomBuilder, FormatError};

use crate::vbios::Vbios;

const MIB: u64 = 1 << 20;

/// VRAM of a model for which neither a size nor a seed was given, in bytes.
pub const DEFAULT_VRAM: u64 = 1024 * MIB;

/// Sizes that a seed may draw, in MiB: from BAR1's size to that of the largest GA102 cards.
const SEEDED_VRAM_MIB: RangeInclusive<u64> = 256..=48 * 1024;

/// A card.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    /// From which GSP-RM draws what it chooses; the plain one without.
    pub(crate) seed: Option<u64>,
    /// Bytes of VRAM, whole MiB.
    pub(crate) vram: u64,
    /// Whether the display engine was left in.
    pub(crate) display: bool,
    /// Where the VGA workspace is, a multiple of 64 KiB, when there is one.
    pub(crate) vga_workspace: Option<u64>,
    /// The lowest version of FWSEC, which runs on GSP, that is not revoked: up to 16.
    pub(crate) fwsec_version: u8,
    /// The version fuses of what runs on SEC2. Firmware files have programs for few versions,
    /// so no seed draws them.
    pub(crate) sec2_fuse: u16,
    /// Reads of its progress after which the card's own firmware (GFW) has booted.
    pub(crate) gfw_polls: u32,
    /// Reads of `HWCFG2` after which a falcon's memories are scrubbed.
    pub(crate) scrub_polls: u32,
    /// Register accesses that a program on a falcon takes.
    pub(crate) program_accesses: u32,
    /// Whether falcons are started through `CPUCTL_ALIAS`.
    pub(crate) cpuctl_alias: bool,
    /// Whether GSP-RM accepts time slices, interleaving and disabling, and ignores them. No seed
    /// draws it.
    pub(crate) ignores_scheduling: bool,
    pub(crate) vbios: Vbios,
}

impl Board {
    /// The plain card.
    pub(crate) fn plain(chip: &Chip, vram: Option<u64>) -> Result<Self, FormatError> {
        let rom = RomBuilder {
            device_id: chip.pci_device,
            signature_versions: 0b11,
            ..RomBuilder::default()
        };
        Ok(Self {
            seed: None,
            vram: vram.unwrap_or(DEFAULT_VRAM),
            display: false,
            vga_workspace: None,
            fwsec_version: 1,
            sec2_fuse: 1,
            gfw_polls: 2,
            scrub_polls: 1,
            program_accesses: 1,
            cpuctl_alias: false,
            ignores_scheduling: false,
            vbios: Vbios::new(&rom)?,
        })
    }

    /// The card of a seed. What is given is not drawn.
    pub(crate) fn draw(chip: &Chip, seed: u64, vram: Option<u64>) -> Result<Self, FormatError> {
        let mut rng = Rng::with_seed(seed);
        let drawn = rng.u64(SEEDED_VRAM_MIB) * MIB;
        let vram = vram.unwrap_or(drawn);
        let fwsec_version = rng.u8(0..=4);
        let display = rng.bool();
        let rom = draw_rom(chip, &mut rng, fwsec_version);
        Ok(Self {
            seed: Some(rng.u64(..)),
            vram,
            display,
            vga_workspace: draw_workspace(&mut rng, vram),
            fwsec_version,
            sec2_fuse: 1,
            gfw_polls: rng.u32(0..=9),
            scrub_polls: rng.u32(0..=4),
            program_accesses: rng.u32(0..=6),
            cpuctl_alias: rng.bool(),
            ignores_scheduling: false,
            vbios: Vbios::new(&rom)?,
        })
    }

    /// The fuses of FWSEC's version, burnt one after the other.
    pub(crate) fn fwsec_fuse(&self) -> u16 {
        u16::try_from((1u32 << self.fwsec_version.min(16)) - 1).unwrap_or(u16::MAX)
    }
}

fn draw_rom(chip: &Chip, rng: &mut Rng, fwsec_version: u8) -> RomBuilder {
    let versions = 1 << fwsec_version | rng.u16(0..=0b11111);
    let mut rom = RomBuilder {
        device_id: chip.pci_device,
        ifr: [None, Some(1), Some(2), Some(3)][rng.usize(0..4)],
        pci_at_units: rng.u16(1..=128),
        efi_units: rng.u16(0..=64) * u16::from(rng.bool()),
        npde: rng.bool(),
        imem_size: 256 * rng.u32(1..=64),
        dmem_size: 256 * rng.u32(2..=32),
        ucode_id: rng.u8(1..=16),
        // A program that needs no signature is rare.
        signature_versions: if rng.u8(0..8) == 0 { 0 } else { versions },
        ..RomBuilder::default()
    };
    rom.interface_offset = rng.u32(0..=rom.max_interface_offset()) & !3;
    rom
}

/// None, one in the last MiB, or one so low that no driver believes it.
fn draw_workspace(rng: &mut Rng, vram: u64) -> Option<u64> {
    let unit = 64 << 10;
    match rng.u8(0..4) {
        0 => None,
        1 => Some(vram.saturating_sub(2 * MIB)),
        _ => Some(vram.saturating_sub(unit * rng.u64(2..=16))),
    }
}

#[cfg(test)]
impl Default for Board {
    fn default() -> Self {
        Self::plain(&nova_spec::chip::GA102, None).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_spec::chip::GA102;

    #[test]
    fn every_seed_is_a_card_with_a_fwsec_for_its_fuse() {
        for seed in 0..200 {
            let board = Board::draw(&GA102, seed, None).unwrap();
            let vbios = board.vbios.parse().unwrap();
            let fwsec = vbios.fwsec().unwrap();
            fwsec.signature(board.fwsec_version).unwrap();
            assert!(board.vbios.rom().len() as u64 <= GA102.rom_size);
            let fuse = board.fwsec_fuse();
            assert_eq!(16 - fuse.leading_zeros(), u32::from(board.fwsec_version));
        }
    }

    #[test]
    fn seeds_differ() {
        let boards: Vec<_> = (0..20)
            .map(|seed| Board::draw(&GA102, seed, None).unwrap())
            .collect();
        for differs in [
            |board: &Board| u64::from(board.gfw_polls),
            |board: &Board| board.program_accesses.into(),
            |board: &Board| board.vbios.flash().len() as u64,
            |board: &Board| board.vram,
        ] {
            assert!(boards.iter().any(|b| differs(b) != differs(&boards[0])));
        }
    }
}
