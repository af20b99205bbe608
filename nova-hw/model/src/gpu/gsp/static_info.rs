// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What GSP-RM tells about the GPU. Fields without a reader among the drivers are 0.

use fastrand::Rng;
use nova_spec::{
    chip::Chipset, gsp::wpr::GspFwWprMeta, rm::engine::RmEngineType,
    rpc::static_info::GspStaticConfigInfo,
};

use super::BarTables;
use crate::gpu::engines::COPY_ENGINES;

/// Handles of RM's own objects, as its client and what is below it.
pub(super) const INTERNAL_CLIENT: u32 = 0xc1e0_0001;
pub(super) const INTERNAL_DEVICE: u32 = 0xabcd_0080;
pub(super) const INTERNAL_SUBDEVICE: u32 = 0xabcd_2080;

const PAGE: u64 = 4096;

/// The answer for a chip that was booted with `meta`. A seed chooses whether the usable memory
/// is one region or two.
pub(crate) fn answer(
    chipset: Chipset,
    meta: &GspFwWprMeta,
    bars: BarTables,
    rng: Option<&mut Rng>,
) -> GspStaticConfigInfo {
    let mut info = GspStaticConfigInfo::zeroed();
    info.set_gpu_name(match chipset {
        Chipset::GA102 => "NVIDIA GeForce RTX 3090",
        Chipset::AD102 => "NVIDIA GeForce RTX 4090",
    });
    let usable = meta.gspFwRsvdStart.get();
    let split = rng.map_or(0, |rng| {
        rng.u64(0..=usable) / PAGE * PAGE * u64::from(rng.bool())
    });
    // Empty regions are not added, and there is room for three.
    info.add_region(0..split, true);
    info.add_region(split..usable, true);
    info.add_region(usable..meta.fbSize.get(), false);
    for engine in (0..COPY_ENGINES).filter_map(RmEngineType::copy) {
        info.add_engine(engine);
    }
    info.bar1PdeBase = bars.bar1_pde_base().into();
    info.bar2PdeBase = bars.bar2_pde_base().into();
    info.hInternalClient = INTERNAL_CLIENT.into();
    info.hInternalDevice = INTERNAL_DEVICE.into();
    info.hInternalSubdevice = INTERNAL_SUBDEVICE.into();
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    #[test]
    fn usable_memory_ends_where_the_firmwares_begins() {
        let mut meta = GspFwWprMeta::new_zeroed();
        meta.gspFwRsvdStart = 0x3000_0000.into();
        meta.nonWprHeapOffset = 0x3000_0000.into();
        meta.nonWprHeapSize = 0x10_0000.into();
        meta.fbSize = 0x4000_0000.into();
        for seed in 0..50 {
            let mut rng = Rng::with_seed(seed);
            let bars = BarTables::choose(&meta, (seed > 0).then_some(&mut rng));
            let info = answer(Chipset::AD102, &meta, bars, (seed > 0).then_some(&mut rng));
            let usable: Vec<_> = info.usable_regions().collect();
            assert_eq!(usable.first().unwrap().start, 0);
            assert_eq!(usable.last().unwrap().end, 0x3000_0000);
            assert_eq!(info.regions().last().unwrap().limit.get(), 0x3fff_ffff);
            assert!(info.bar1PdeBase.get() >= 0x3000_0000);
            assert_eq!(info.gpu_name().unwrap(), "NVIDIA GeForce RTX 4090");
        }
    }
}
