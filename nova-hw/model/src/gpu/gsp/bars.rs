// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The page directories and instance blocks that GSP-RM makes for BAR1 and BAR2 (PCI's BAR3),
//! in memory that it keeps for itself. Drivers then fill them in: BAR1's by themselves, BAR2's by
//! a call.

use fastrand::Rng;
use nova_spec::{
    gmmu::Level,
    gsp::wpr::GspFwWprMeta,
    host::{ramin, PageDirBaseLo, PageDirBaseTarget},
    regs::{NV_PBUS_BAR1_BLOCK, NV_PBUS_BAR2_BLOCK},
    rm::{memsys::UpdateBarPde, NvStatus},
};

use super::Env;

const PAGE: u64 = 4096;
/// Pages: two root page directories, two instance blocks.
const PAGES: u64 = 4;
/// Pages that a seed may leave in front of them.
const SLACK: u64 = 100;

/// Where they are in VRAM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BarTables {
    start: u64,
}

impl BarTables {
    /// Chooses a place in the heap of a firmware that was booted with `meta`.
    pub(super) fn choose(meta: &GspFwWprMeta, rng: Option<&mut Rng>) -> Self {
        let pages = meta.nonWprHeapSize.get() / PAGE;
        let slack = pages.saturating_sub(PAGES).min(SLACK);
        let skip = rng.map_or(0, |rng| rng.u64(0..=slack));
        // The booter has checked that the heap lies in VRAM.
        let start = meta.nonWprHeapOffset.get().saturating_add(skip * PAGE);
        Self {
            start: start / PAGE * PAGE,
        }
    }

    /// The root page directory of BAR1.
    pub(super) fn bar1_pde_base(self) -> u64 {
        self.start
    }

    /// The root page directory of BAR2.
    pub(super) fn bar2_pde_base(self) -> u64 {
        self.page(1)
    }

    fn page(self, index: u64) -> u64 {
        self.start.saturating_add(index * PAGE)
    }

    /// Empties the page directories, and has the instance blocks lead to them.
    pub(super) fn set_up(self, env: &Env<'_>) {
        env.write_vram(self.start, &[0; (PAGES * PAGE) as usize]);
        for (directory, instance) in [(self.page(0), self.page(2)), (self.page(1), self.page(3))] {
            let vram = PageDirBaseTarget::VID_MEM;
            let base = PageDirBaseLo::page_dir_base(vram, directory).unwrap_or_default();
            let at = instance.saturating_add(ramin::PAGE_DIR_BASE);
            env.write_vram(at, &base.to_le_bytes());
        }
    }

    /// BAR1 through its page directory. Physical where a register has no room for the address.
    pub(crate) fn bar1_block(self) -> NV_PBUS_BAR1_BLOCK {
        let block = NV_PBUS_BAR1_BLOCK::over_instance(self.page(2));
        block.unwrap_or(NV_PBUS_BAR1_BLOCK::DEFAULT)
    }

    /// BAR2 likewise.
    pub(crate) fn bar2_block(self) -> NV_PBUS_BAR2_BLOCK {
        let block = NV_PBUS_BAR2_BLOCK::over_instance(self.page(3));
        block.unwrap_or(NV_PBUS_BAR2_BLOCK::DEFAULT)
    }

    /// Sets the first entry of a root page directory.
    pub(super) fn update(self, env: &Env<'_>, call: &UpdateBarPde) -> Result<(), NvStatus> {
        if call.entryLevelShift.get() != u64::from(Level::Pd3.shift()) {
            return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
        }
        let directory = match call.barType.get() {
            UpdateBarPde::BAR_1 => self.bar1_pde_base(),
            UpdateBarPde::BAR_2 => self.bar2_pde_base(),
            _ => return Err(NvStatus::NV_ERR_INVALID_ARGUMENT),
        };
        env.write_vram(directory, &call.entryValue.get().to_le_bytes());
        Ok(())
    }
}
