// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What may be chosen about a card, by the user or by a seed.

use std::time::Duration;

use nova_spec::chip::{Chip, GA102};

use crate::{
    board::Board,
    device::Model,
    fault::FaultPlan,
    vram::{Vram, VramError},
};

const MIB: u64 = 1 << 20;

/// The most VRAM that a model may have, in bytes. It is sparse, so this only catches slips.
const MAX_VRAM: u64 = 1024 * 1024 * MIB;

/// Why a model could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The register that tells the size counts in MiB.
    #[error("VRAM of {0} bytes is not a whole number of MiB")]
    VramGranularity(u64),
    /// All of BAR1 must have VRAM behind it, and there is an upper limit.
    #[error("VRAM of {} MiB is outside {}..={} MiB", .vram / MIB, .min / MIB, MAX_VRAM / MIB)]
    VramSize {
        /// The size asked for, in bytes.
        vram: u64,
        /// The smallest size for this chip, in bytes.
        min: u64,
    },
    /// A row of the chip table that PCI does not allow.
    #[error("a BAR of {0:#x} bytes is not a power of two of 16 bytes or more")]
    BarSize(u64),
    /// A VBIOS that cannot be.
    #[error("cannot build the VBIOS")]
    Vbios(#[from] nova_spec::FormatError),
    /// The system did not give the memory.
    #[error(transparent)]
    Memory(#[from] VramError),
}

/// Chooses a card; see [`Model::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    chip: Chip,
    vram: Option<u64>,
    seed: Option<u64>,
    faults: FaultPlan,
    delays: Option<Duration>,
    channel_delays: Option<Duration>,
    ignores_scheduling: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            chip: GA102,
            vram: None,
            seed: None,
            faults: FaultPlan::default(),
            delays: None,
            channel_delays: None,
            ignores_scheduling: false,
        }
    }
}

impl Builder {
    /// The chip; GA102 when not given.
    pub fn chip(mut self, chip: Chip) -> Self {
        self.chip = chip;
        self
    }

    /// Bytes of VRAM: whole MiB, at least BAR1's size. When not given the seed draws it, and
    /// without a seed it is [`DEFAULT_VRAM`](crate::DEFAULT_VRAM).
    pub fn vram(mut self, bytes: u64) -> Self {
        self.vram = Some(bytes);
        self
    }

    /// Draws what a card may choose and was not given. The same seed gives the same card.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Has faults happen.
    pub fn faults(mut self, plan: FaultPlan) -> Self {
        self.faults = plan;
        self
    }

    /// Writes to the card arrive late, and so do its own writes to memory: each after a time
    /// that the seed draws, at most `longest`, in order. A read of the card waits for both.
    pub fn delayed_writes(mut self, longest: Duration) -> Self {
        self.delays = Some(longest);
        self
    }

    /// Channels are late: before each entry of a ring, copy and semaphore there is a time that
    /// the seed draws, at most `longest`.
    pub fn delayed_channels(mut self, longest: Duration) -> Self {
        self.channel_delays = Some(longest);
        self
    }

    /// Time slices, interleaving and disabling of channels are accepted and have no effect, as
    /// is reported of some firmware.
    pub fn ignores_scheduling(mut self) -> Self {
        self.ignores_scheduling = true;
        self
    }

    /// Builds the card, powered on and not yet configured.
    pub fn build(self) -> Result<Model, BuildError> {
        let Self {
            chip,
            vram,
            seed,
            faults,
            delays,
            channel_delays,
            ignores_scheduling,
        } = self;
        for size in [
            chip.bar0_size,
            chip.bar1_size,
            chip.bar3_size,
            chip.rom_size,
        ] {
            if !size.is_power_of_two() || size < 16 {
                return Err(BuildError::BarSize(size));
            }
        }
        let mut board = match seed {
            Some(seed) => Board::draw(&chip, seed, vram)?,
            None => Board::plain(&chip, vram)?,
        };
        board.ignores_scheduling = ignores_scheduling;
        let vram = board.vram;
        if vram % MIB != 0 {
            return Err(BuildError::VramGranularity(vram));
        }
        if !(chip.bar1_size..=MAX_VRAM).contains(&vram) {
            return Err(BuildError::VramSize {
                vram,
                min: chip.bar1_size,
            });
        }
        tracing::info!(chip = %chip.chipset, vram_mib = vram / MIB, seed, "GPU model built");
        let model = Model::new(chip, board, Vram::new(vram)?);
        model.set_faults(&faults);
        if let Some(longest) = delays {
            model.card.state().delay_writes(seed.unwrap_or(0), longest);
        }
        if let Some(longest) = channel_delays {
            let seed = seed.unwrap_or(0);
            model.card.state().delay_channels(seed, longest);
        }
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::DEFAULT_VRAM;

    fn vram_of(builder: Builder) -> u64 {
        builder.build().unwrap().vram_size()
    }

    #[test]
    fn a_size_given_beats_the_seed_and_the_seed_beats_the_default() {
        assert_eq!(vram_of(Builder::default()), DEFAULT_VRAM);
        assert_eq!(
            vram_of(Builder::default().vram(512 * MIB).seed(7)),
            512 * MIB
        );
        let seven = vram_of(Builder::default().seed(7));
        assert_eq!(seven, vram_of(Builder::default().seed(7)));
        assert_eq!(seven % MIB, 0);
        assert!((0..8).any(|seed| vram_of(Builder::default().seed(seed)) != seven));
    }

    #[test]
    fn impossible_sizes_are_refused_with_the_limits() {
        let text = |vram| {
            Builder::default()
                .vram(vram)
                .build()
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            text(256 * MIB + 1),
            "VRAM of 268435457 bytes is not a whole number of MiB"
        );
        assert_eq!(text(0), "VRAM of 0 MiB is outside 256..=1048576 MiB");
        assert_eq!(
            text(255 * MIB),
            "VRAM of 255 MiB is outside 256..=1048576 MiB"
        );
        assert_eq!(
            text(2 * MAX_VRAM),
            "VRAM of 2097152 MiB is outside 256..=1048576 MiB"
        );
        assert!(Builder::default().vram(256 * MIB).build().is_ok());
        let chip = Chip {
            bar1_size: 3 * MIB,
            ..GA102
        };
        assert!(matches!(
            Builder::default().chip(chip).build(),
            Err(BuildError::BarSize(0x30_0000))
        ));
    }
}
