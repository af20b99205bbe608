// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What unit tests share: a model that was probed, synthetic firmware, memory for GSP.

use std::{fs::File, os::unix::fs::FileExt, sync::Arc, time::Duration};

use nova_model::{Model, ModelMapping};
use nova_pci::{Bar, BarIndex, Pci};
use nova_spec::{firmware::set::Synthetic, Chipset};

use crate::{
    card::Card,
    firmware::Files,
    gsp::GspMemory,
    mem::{Extents, MemoryManager, ScrubError, Scrubber},
    FirmwareSet, Gpu, Timeouts,
};

/// Synthetic files of a chip, by the names that a driver looks for.
pub(crate) fn firmware(chipset: Chipset) -> FirmwareSet {
    let files = Synthetic::default().files(chipset).unwrap();
    let folder = chipset.firmware_folder();
    files
        .into_iter()
        .map(|file| (format!("{folder}/{}", file.name), file.content))
        .collect()
}

/// A model that was probed.
pub(crate) fn card() -> Arc<Card<Model>> {
    let gpu = Gpu::probe(Model::builder().build().unwrap()).unwrap();
    gpu.card().clone()
}

/// What GSP finds in memory.
pub(crate) fn memory(card: &Card<Model>) -> Arc<GspMemory<ModelMapping>> {
    let firmware = firmware(Chipset::GA102);
    let files = Files::find(&firmware, Chipset::GA102).unwrap();
    let images = files.images().unwrap();
    Arc::new(GspMemory::new(card, &images).unwrap())
}

/// Clean memory of a model that was not booted: 255 MiB, which BAR1 shows.
pub(crate) fn clean_memory() -> (Arc<Card<Model>>, Arc<MemoryManager<Model>>) {
    let card = card();
    let ranges = [1 << 20..128 << 20, 128 << 20..256 << 20];
    let memory = MemoryManager::with_ranges(&card, &Timeouts::default(), &ranges);
    memory.vram().scrub(&mut NoScrubber, u64::MAX).unwrap();
    (card, memory)
}

/// A model's VRAM, behind the card's back.
pub(crate) struct VramFile(Arc<File>);

impl VramFile {
    /// To be called while BAR1 is in physical mode.
    pub(crate) fn of(card: &Card<Model>) -> Self {
        let bar = card.pci().bar(BarIndex::Bar1).unwrap();
        Self::new(bar.memory().unwrap().file)
    }

    pub(crate) fn new(file: Arc<File>) -> Self {
        Self(file)
    }

    pub(crate) fn read(&self, address: u64, data: &mut [u8]) {
        self.0.read_exact_at(data, address).unwrap();
    }
}

/// Says that VRAM is zero, as that of a model is at first.
pub(crate) struct NoScrubber;

impl Scrubber for NoScrubber {
    fn scrub(&mut self, _: &Extents) -> Result<(), ScrubError> {
        Ok(())
    }
}

/// Time-outs for what never comes.
pub(crate) fn short() -> Timeouts {
    Timeouts::default().at_most(Duration::from_millis(5))
}
