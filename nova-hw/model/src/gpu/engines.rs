// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The copy engines of a card: which runlists feed them, and which vectors they raise. Drivers
//! learn it from GSP-RM, so a seed may choose it. There is no other engine.

use fastrand::Rng;
use nova_spec::rm::engine::{nv2080_copy, nv2080_copy_index};

use super::GSP_VECTOR;

/// Copy engines of GA102 and AD102.
pub(crate) const COPY_ENGINES: u32 = 5;
/// Channels of a runlist.
pub(crate) const CHANNELS: u32 = 2048;

/// A copy engine. It has a runlist of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CopyEngine {
    pub(crate) index: u32,
    pub(crate) runlist: u16,
    /// The vector of notifications.
    pub(crate) nonstall: u32,
}

impl CopyEngine {
    /// `NV2080_ENGINE_TYPE_COPY`.
    pub(crate) fn nv2080(&self) -> u32 {
        // There are 20 numbers.
        nv2080_copy(self.index).unwrap_or_default()
    }

    /// Where its runlist's registers would be.
    pub(crate) fn runlist_pri_base(&self) -> u32 {
        0x8_0000 + 0x400 * u32::from(self.runlist)
    }

    /// Where the registers of its runlist's channels are.
    pub(crate) fn chram_pri_base(&self) -> u32 {
        CHRAM + CHRAM_SIZE * u32::from(self.runlist)
    }

    /// Its number in MMU faults.
    pub(crate) fn fault_id(&self) -> u32 {
        0xf + self.index
    }

    /// Its PBDMA's number in MMU faults.
    pub(crate) fn pbdma_fault_id(&self) -> u32 {
        0x20 + u32::from(self.runlist)
    }
}

/// Where channel RAM is, a part for each number of a runlist.
const CHRAM: u32 = 0x9c_0000;
/// Bytes of a part: a register a channel.
const CHRAM_SIZE: u32 = 4 * CHANNELS;

/// Runlist and channel whose register in channel RAM is there.
pub(crate) fn chram_channel(offset: u32) -> Option<(u16, u16)> {
    let within = offset.checked_sub(CHRAM)?;
    let runlist = u16::try_from(within / CHRAM_SIZE).ok()?;
    let chid = within % CHRAM_SIZE / 4;
    (runlist < RUNLISTS).then_some((runlist, chid as u16))
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Engines {
    copy: Vec<CopyEngine>,
}

/// Numbers of runlists, and of vectors below GSP's.
const RUNLISTS: u16 = 24;

impl Engines {
    /// Those of a card's seed; without one the plain ones.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let mut runlists: Vec<u16> = (1..RUNLISTS).collect();
        let mut vectors: Vec<u32> = (0..GSP_VECTOR).collect();
        if let Some(seed) = seed {
            let mut rng = Rng::with_seed(seed);
            rng.shuffle(&mut runlists);
            rng.shuffle(&mut vectors);
        }
        let chosen = runlists.into_iter().zip(vectors);
        let engine = |(index, (runlist, nonstall))| CopyEngine {
            index,
            runlist,
            nonstall,
        };
        Self {
            copy: (0..COPY_ENGINES).zip(chosen).map(engine).collect(),
        }
    }

    pub(crate) fn copy(&self) -> &[CopyEngine] {
        &self.copy
    }

    /// The engine with an `NV2080_ENGINE_TYPE`.
    pub(crate) fn by_nv2080(&self, engine_type: u32) -> Option<&CopyEngine> {
        let index = nv2080_copy_index(engine_type)?;
        self.copy.iter().find(|engine| engine.index == index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_engine_has_its_own_runlist_and_vector() {
        for seed in (0..50).map(Some).chain([None]) {
            let engines = Engines::new(seed);
            assert_eq!(engines.copy().len(), COPY_ENGINES as usize);
            let runlists: HashSet<_> = engines.copy().iter().map(|e| e.runlist).collect();
            let vectors: HashSet<_> = engines.copy().iter().map(|e| e.nonstall).collect();
            assert_eq!((runlists.len(), vectors.len()), (5, 5));
            assert!(!vectors.contains(&GSP_VECTOR));
            for engine in engines.copy() {
                assert_eq!(engines.by_nv2080(engine.nv2080()), Some(engine));
            }
        }
        assert_eq!(Engines::new(None).by_nv2080(1), None);
        assert_ne!(Engines::new(Some(1)), Engines::new(Some(2)));
        let engine = Engines::new(Some(1)).copy()[2];
        let last = engine.chram_pri_base() + 4 * (CHANNELS - 1);
        assert_eq!(chram_channel(last), Some((engine.runlist, 2047)));
        assert_eq!(chram_channel(CHRAM - 4), None);
        assert_eq!(
            chram_channel(CHRAM + CHRAM_SIZE * u32::from(RUNLISTS)),
            None
        );
    }
}
