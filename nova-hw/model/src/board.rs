// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What is not the chip's but this card's: memory, fuses, VBIOS, and how long its parts take.
//! Without a seed it is one plain card; a seed draws everything that a card may choose.

use std::ops::RangeInclusive;

use fastrand::Rng;

use crate::vbios::Vbios;

const MIB: u64 = 1 << 20;

/// VRAM of a model for which neither a size nor a seed was given, in bytes.
pub const DEFAULT_VRAM: u64 = 1024 * MIB;

/// Sizes that a seed may draw, in MiB: from BAR1's size to that of the largest GA102 cards.
const SEEDED_VRAM_MIB: RangeInclusive<u64> = 256..=48 * 1024;

/// A card.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    /// Bytes of VRAM, whole MiB.
    pub(crate) vram: u64,
    /// Whether the display engine was left in.
    pub(crate) display: bool,
    /// Where the VGA workspace is, a multiple of 64 KiB, when there is one.
    pub(crate) vga_workspace: Option<u64>,
    /// The version fuses of FWSEC, which runs on GSP.
    pub(crate) gsp_fuse: u16,
    /// The version fuses of what runs on SEC2.
    pub(crate) sec2_fuse: u16,
    /// Reads of its progress after which the card's own firmware (GFW) has booted.
    pub(crate) gfw_polls: u32,
    /// Reads of `HWCFG2` after which a falcon's memories are scrubbed.
    pub(crate) scrub_polls: u32,
    /// Register accesses that a program on a falcon takes.
    pub(crate) program_accesses: u32,
    /// Whether falcons are started through `CPUCTL_ALIAS`.
    pub(crate) cpuctl_alias: bool,
    pub(crate) vbios: Vbios,
}

impl Default for Board {
    fn default() -> Self {
        Self::plain(None)
    }
}

impl Board {
    /// The plain card, with so much VRAM.
    pub(crate) fn plain(vram: Option<u64>) -> Self {
        Self {
            vram: vram.unwrap_or(DEFAULT_VRAM),
            display: false,
            vga_workspace: None,
            gsp_fuse: 1,
            sec2_fuse: 1,
            gfw_polls: 2,
            scrub_polls: 1,
            program_accesses: 1,
            cpuctl_alias: false,
            vbios: Vbios::default(),
        }
    }

    /// The card of a seed. What is given is not drawn.
    pub(crate) fn draw(seed: u64, vram: Option<u64>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let drawn = rng.u64(SEEDED_VRAM_MIB) * MIB;
        Self::plain(vram.or(Some(drawn)))
    }
}
