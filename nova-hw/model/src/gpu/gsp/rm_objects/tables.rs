// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What RM tells about the GPU by controls: engines and their runlists, interrupt vectors, the
//! memory system. Fields without a reader among the drivers are 0.

use nova_spec::rm::{
    engine::{mc_copy, RmEngineType, MC_ENGINE_IDX_GSP},
    fifo::{
        engine_data, DEVICE_TABLE_ENTRIES, NO_VECTOR, NV2080_CTRL_FIFO_DEVICE_ENTRY,
        NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS,
        NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_ENTRY,
        NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS,
    },
    memsys::NV2080_CTRL_INTERNAL_MEMSYS_GET_STATIC_CONFIG_PARAMS,
    NvStatus,
};
use zerocopy::FromZeros;

use crate::gpu::{
    engines::{CopyEngine, Engines},
    GSP_VECTOR,
};

/// Bytes of the buffer for methods that fault.
pub(super) const METHOD_BUFFER_SIZE: u32 = 0x5000;

/// The first of the numbers that RM's sources have for copy engines, in units of 256.
const ENG_CE: u32 = 0x50;
/// A copy engine in the words of the hardware.
const DEV_TYPE_LCE: u32 = 19;

/// Engines from an index on.
pub(super) fn devices(
    engines: &Engines,
    params: &mut NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS,
) -> Result<(), NvStatus> {
    let base = params.baseIndex.get();
    if base as usize % DEVICE_TABLE_ENTRIES != 0 {
        return Err(NvStatus::NV_ERR_INVALID_ARGUMENT);
    }
    let from = engines.copy().get(base as usize..).unwrap_or_default();
    *params = NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS::zeroed();
    params.baseIndex = base.into();
    params.bMore = (from.len() > DEVICE_TABLE_ENTRIES).into();
    for (entry, engine) in params.entries.iter_mut().zip(from) {
        *entry = device(engine);
    }
    params.numEntries = (from.len().min(DEVICE_TABLE_ENTRIES) as u32).into();
    Ok(())
}

fn device(engine: &CopyEngine) -> NV2080_CTRL_FIFO_DEVICE_ENTRY {
    let mut entry = NV2080_CTRL_FIFO_DEVICE_ENTRY::new_zeroed();
    let rm_type = RmEngineType::copy(engine.index).map_or(0, |engine| engine.0);
    for (index, value) in [
        (engine_data::ENG_DESC, (ENG_CE + engine.index) << 8),
        (engine_data::RM_ENGINE_TYPE, rm_type),
        (engine_data::RUNLIST, engine.runlist.into()),
        (engine_data::MMU_FAULT_ID, engine.fault_id()),
        (engine_data::DEV_TYPE_ENUM, DEV_TYPE_LCE),
        (engine_data::INSTANCE_ID, engine.index),
        (engine_data::RUNLIST_PRI_BASE, engine.runlist_pri_base()),
        (engine_data::IS_HOST_DRIVEN_ENGINE, 1),
        (engine_data::CHRAM_PRI_BASE, engine.chram_pri_base()),
    ] {
        entry.engineData[index] = value.into();
    }
    entry.numPbdmas = 1.into();
    entry.pbdmaIds[0] = u32::from(engine.runlist).into();
    entry.pbdmaFaultIds[0] = engine.pbdma_fault_id().into();
    let name = format!("CE{}", engine.index);
    for (place, byte) in entry.engineName.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    entry
}

/// Vectors: one that GSP stops on, and one of notifications a copy engine.
pub(super) fn interrupts(
    engines: &Engines,
    params: &mut NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS,
) {
    *params = NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS::zeroed();
    let gsp = (MC_ENGINE_IDX_GSP, GSP_VECTOR, NO_VECTOR);
    let copy = engines.copy().iter().filter_map(|engine| {
        let index = mc_copy(engine.index as u16)?;
        Some((index, NO_VECTOR, engine.nonstall))
    });
    let entries: Vec<_> = [gsp].into_iter().chain(copy).collect();
    params.tableLen = (entries.len() as u32).into();
    for (entry, (index, stall, nonstall)) in params.table.iter_mut().zip(entries) {
        *entry = NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_ENTRY {
            engineIdx: index.into(),
            padding: 0.into(),
            pmcIntrMask: 0.into(),
            vectorStall: stall.into(),
            vectorNonStall: nonstall.into(),
        };
    }
}

/// The memory system: no compression.
pub(super) fn memsys(params: &mut NV2080_CTRL_INTERNAL_MEMSYS_GET_STATIC_CONFIG_PARAMS) {
    *params = NV2080_CTRL_INTERNAL_MEMSYS_GET_STATIC_CONFIG_PARAMS::new_zeroed();
    params.bDisableCompbitBacking = 1;
    params.l2CacheSize = (6 << 20).into();
    params.bFbpaPresent = 1;
}
