// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Which copy engines there are, on which runlists, and with which interrupt vectors: RM's tables,
//! copied and checked.

use nova_pci::Pci;
use nova_spec::{
    register::RegisterArray,
    regs::NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF as LEAF,
    rm::{
        engine::{mc_copy, nv2080_copy, MC_ENGINE_IDX_GSP},
        fifo::{
            engine_data, DEVICE_TABLE_ENTRIES,
            NV2080_CTRL_CE_GET_FAULT_METHOD_BUFFER_SIZE_PARAMS as MethodBufferSize,
            NV2080_CTRL_FIFO_DEVICE_ENTRY as DeviceEntry,
            NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS as DeviceTable,
            NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS as InterruptTable,
        },
        Control,
    },
};
use zerocopy::FromZeros;

use super::{handle, Client, RmError};

/// Tables of engines that are asked for at most.
const MAX_TABLES: u32 = 8;
/// The most that a method buffer may have. RM asks for some 20 KiB.
const MAX_METHOD_BUFFER: u64 = 1 << 20;
/// Where registers end in BAR0.
const REGISTERS: u32 = 16 << 20;

/// A copy engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyEngine {
    /// Which one: the 3 of `COPY3`.
    pub index: u32,
    /// The runlist on which its channels are.
    pub runlist: u32,
    /// What it is for those who make a channel: `NV2080_ENGINE_TYPE_COPY(index)`.
    pub(crate) engine_type: u32,
    /// The vector of its notifications.
    pub(crate) non_stall: Option<u32>,
    /// Where the channels of its runlist have registers.
    chram: Option<u32>,
}

#[cfg(test)]
impl CopyEngine {
    /// `COPY0` on a runlist, without interrupts.
    pub(crate) fn zero(runlist: u32) -> Self {
        Self {
            index: 0,
            runlist,
            engine_type: 9,
            non_stall: None,
            chram: None,
        }
    }
}

impl CopyEngine {
    /// Where a channel has its register in channel RAM; `None` when RM does not say.
    pub(crate) fn chram(&self, chid: u32) -> Option<u32> {
        let offset = self.chram?.checked_add(chid.checked_mul(4)?)?;
        (offset < REGISTERS).then_some(offset)
    }
}

/// What RM tells of engines.
#[derive(Clone, Debug)]
pub(crate) struct Engines {
    /// The copy engines, ascending; never none.
    pub(crate) copy: Vec<CopyEngine>,
    /// The vector on which GSP says that there is a message.
    pub(crate) gsp_stall: Option<u32>,
    /// Bytes of the buffer for methods that fault.
    pub(crate) method_buffer: u64,
}

impl Engines {
    /// Asks RM.
    pub(crate) fn read<P: Pci>(client: &Client<P>) -> Result<Self, RmError> {
        let control = Control::NV2080_INTERNAL_INTR_GET_KERNEL_TABLE;
        let interrupts = client.control(handle::SUBDEVICE, control, &InterruptTable::zeroed())?;
        let mut copy = Vec::new();
        let control = Control::NV2080_FIFO_GET_DEVICE_INFO_TABLE;
        for table in 0..MAX_TABLES {
            let mut request = DeviceTable::zeroed();
            request.baseIndex = (table * DEVICE_TABLE_ENTRIES as u32).into();
            let answer = client.control(handle::SUBDEVICE, control, &request)?;
            let engines = answer.engines().iter();
            copy.extend(engines.filter_map(|entry| copy_engine(entry, &interrupts)));
            if answer.bMore == 0 {
                break;
            }
        }
        copy.sort_by_key(|engine| engine.index);
        copy.dedup_by_key(|engine| engine.index);
        let control = Control::NV2080_CE_GET_FAULT_METHOD_BUFFER_SIZE;
        let size = client.control(handle::SUBDEVICE, control, &MethodBufferSize::new_zeroed())?;
        Ok(Self {
            copy,
            gsp_stall: vectors(&interrupts, MC_ENGINE_IDX_GSP).0,
            // What is beyond belief is not allocated. RM then refuses the channel.
            method_buffer: u64::from(size.size.get()).clamp(1, MAX_METHOD_BUFFER),
        })
    }

    /// The vectors that the driver takes care of.
    pub(crate) fn vectors(&self) -> impl Iterator<Item = u32> + '_ {
        let copy = self.copy.iter().filter_map(|engine| engine.non_stall);
        copy.chain(self.gsp_stall)
    }
}

fn copy_engine(entry: &DeviceEntry, interrupts: &InterruptTable) -> Option<CopyEngine> {
    let index = entry.engine_type().copy_index()?;
    let chram = entry.engineData[engine_data::CHRAM_PRI_BASE].get();
    Some(CopyEngine {
        index,
        runlist: entry.runlist(),
        engine_type: nv2080_copy(index)?,
        non_stall: vectors(interrupts, mc_copy(index as u16)?).1,
        chram: (chram != 0 && chram % 4 == 0 && chram < REGISTERS).then_some(chram),
    })
}

/// Stall and non-stall vector of an engine, as far as there are any that the tree has.
fn vectors(table: &InterruptTable, engine: u16) -> (Option<u32>, Option<u32>) {
    let entry = table
        .entries()
        .iter()
        .find(|entry| entry.engineIdx.get() == engine);
    let vector = |vector: u32| (vector < LEAF::COUNT * 32).then_some(vector);
    entry.map_or((None, None), |entry| {
        let (stall, non_stall) = (entry.vectorStall.get(), entry.vectorNonStall.get());
        (vector(stall), vector(non_stall))
    })
}

#[cfg(test)]
mod unit {
    use super::*;
    use nova_spec::rm::fifo::NO_VECTOR;

    #[test]
    fn vectors_beyond_the_tree_are_none() {
        let mut table = InterruptTable::zeroed();
        table.tableLen = 2.into();
        table.table[0].engineIdx = 50.into();
        table.table[0].vectorStall = 255.into();
        table.table[0].vectorNonStall = NO_VECTOR.into();
        table.table[1].engineIdx = 15.into();
        table.table[1].vectorStall = 256.into();
        table.table[1].vectorNonStall = 0.into();
        assert_eq!(vectors(&table, MC_ENGINE_IDX_GSP), (Some(255), None));
        assert_eq!(vectors(&table, 15), (None, Some(0)));
        assert_eq!(vectors(&table, 16), (None, None));
    }

    #[test]
    fn a_copy_engine_has_what_the_table_says() {
        let mut entry = DeviceTable::zeroed().entries[0];
        entry.engineData[engine_data::RM_ENGINE_TYPE] = (9 + 12).into();
        entry.engineData[engine_data::RUNLIST] = 4.into();
        entry.engineData[engine_data::CHRAM_PRI_BASE] = 0x10_4000.into();
        let engine = copy_engine(&entry, &InterruptTable::zeroed()).unwrap();
        assert_eq!((engine.index, engine.runlist), (12, 4));
        assert_eq!(engine.engine_type, 0x36);
        assert_eq!(engine.chram(5), Some(0x10_4014));
        assert_eq!(engine.chram(u32::MAX), None);
        // No register is beyond BAR0's, and graphics is no copy engine.
        entry.engineData[engine_data::CHRAM_PRI_BASE] = (16 << 20).into();
        let engine = copy_engine(&entry, &InterruptTable::zeroed()).unwrap();
        assert_eq!(engine.chram(0), None);
        entry.engineData[engine_data::RM_ENGINE_TYPE] = 1.into();
        assert!(copy_engine(&entry, &InterruptTable::zeroed()).is_none());
    }
}
