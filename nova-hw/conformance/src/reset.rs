// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a reset leaves.

use nova_pci::{Bar, BarIndex, DmaMemory, Pci, PAGE_SIZE};
use nova_spec::{
    pci::{command, header},
    register::Register,
    regs::NV_PMC_BOOT_0,
};

use crate::{
    check::{enable_memory, ensure, say, Outcome},
    dma::dma_address,
};

pub(crate) fn reset<P: Pci>(pci: &P) -> Outcome {
    let at = u64::from(NV_PMC_BOOT_0::OFFSET);
    let bar0 = pci.bar(BarIndex::Bar0).map_err(say("BAR0"))?;
    let memory = DmaMemory::new(PAGE_SIZE).map_err(say("get memory"))?;
    let mapping = pci
        .dma_map(dma_address(pci, PAGE_SIZE)?, &memory)
        .map_err(say("map"))?;
    let both = command::MEMORY | command::BUS_MASTER;
    pci.config_write(header::COMMAND, &both.to_le_bytes())
        .map_err(say("set the command register"))?;
    let before = bar0.read32(at).map_err(say("read a register"))?;
    let id = pci
        .config_read32(header::VENDOR_ID)
        .map_err(say("read the ids"))?;
    pci.reset().map_err(say("reset"))?;
    let command = pci.config_read16(header::COMMAND).map_err(say("read"))?;
    ensure!(
        command & both == 0,
        "after a reset the command register is {command:#06x}"
    );
    let after = pci
        .config_read32(header::VENDOR_ID)
        .map_err(say("read the ids"))?;
    ensure!(
        after == id,
        "after a reset the ids are {after:#010x} and not {id:#010x}"
    );
    enable_memory(pci)?;
    let after = bar0.read32(at).map_err(say("read a register"))?;
    ensure!(
        after == before,
        "after a reset NV_PMC_BOOT_0 is {after:#010x} and not {before:#010x}"
    );
    drop(mapping);
    Ok(())
}
