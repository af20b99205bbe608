// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What GSP finds in system memory when it starts: log buffers, queues, arguments, its image,
//! and the metadata for booter_load.

use nova_pci::{Pci, PAGE_SIZE};
use nova_spec::{
    gsp::{
        layout::FbLayout,
        libos::{
            write_log_header, LibosMemoryRegionInitArgument, GSP_ARGUMENTS_CACHED, LOG_SIZE,
            REGIONS,
        },
        radix3::write_entries,
        wpr::{BootMemory, GspFwWprMeta},
    },
    queue::{MsgqTxHeader, COMMAND_QUEUE, QUEUE_MEMORY_SIZE},
};
use zerocopy::IntoBytes;

use super::radix3::Radix3;
use crate::{
    card::Card,
    dma::{DmaBuffer, DmaError, DmaReach},
    firmware::Images,
};

/// How many of the regions that libos is given are log buffers; the last has RM's arguments.
const LOGS: usize = REGIONS.len() - 1;

/// Everything that GSP and the booters read from system memory.
pub(crate) struct GspMemory<M> {
    #[allow(dead_code)] // written by GSP
    logs: [DmaBuffer<M>; LOGS],
    queues: DmaBuffer<M>,
    #[allow(dead_code)] // read by GSP
    rm_arguments: DmaBuffer<M>,
    libos_arguments: DmaBuffer<M>,
    radix3: Radix3<M>,
    bootloader: DmaBuffer<M>,
    signatures: DmaBuffer<M>,
    wpr_meta: DmaBuffer<M>,
}

impl<M> GspMemory<M> {
    /// Allocates and fills all but the metadata.
    pub(crate) fn new<P: Pci<Mapping = M>>(
        card: &Card<P>,
        images: &Images<'_>,
    ) -> Result<Self, DmaError> {
        let logs = [log(card)?, log(card)?, log(card)?];
        let queues = queues(card)?;
        let arguments = GSP_ARGUMENTS_CACHED::new(queues.bus_address());
        let rm_arguments = card.alloc_with(arguments.as_bytes(), DmaReach::Bits47)?;
        let mut list = Vec::new();
        for (name, buffer) in REGIONS.iter().zip(logs.iter().chain([&rm_arguments])) {
            let (address, size) = (buffer.bus_address(), buffer.memory().len());
            let region = LibosMemoryRegionInitArgument::new(name, address, size);
            list.extend_from_slice(region.as_bytes());
        }
        Ok(Self {
            libos_arguments: card.alloc_with(&list, DmaReach::Bits47)?,
            radix3: Radix3::new(card, images.gsp.image)?,
            bootloader: card.alloc_with(images.bootloader.image, DmaReach::Bits40)?,
            signatures: card.alloc_with(images.gsp.signatures, DmaReach::Bits40)?,
            wpr_meta: card.alloc(GspFwWprMeta::SIZE as u64, DmaReach::Bits40)?,
            logs,
            queues,
            rm_arguments,
        })
    }

    /// Fills the metadata.
    pub(crate) fn write_wpr_meta(
        &self,
        layout: &FbLayout,
        images: &Images<'_>,
    ) -> Result<(), DmaError> {
        let memory = BootMemory {
            radix3: self.radix3.bus_address(),
            bootloader: self.bootloader.bus_address(),
            signatures: self.signatures.bus_address(),
            signatures_size: images.gsp.signatures.len() as u64,
        };
        let meta = GspFwWprMeta::new(layout, &images.bootloader, &memory);
        self.wpr_meta.write(0, meta.as_bytes())
    }

    /// The queues.
    pub(crate) fn queues(&self) -> &DmaBuffer<M> {
        &self.queues
    }

    /// Where libos finds the list of its regions.
    pub(crate) fn libos_address(&self) -> u64 {
        self.libos_arguments.bus_address()
    }

    /// Where booter_load finds its metadata.
    pub(crate) fn wpr_meta_address(&self) -> u64 {
        self.wpr_meta.bus_address()
    }
}

fn log<P: Pci>(card: &Card<P>) -> Result<DmaBuffer<P::Mapping>, DmaError> {
    let log = card.alloc(LOG_SIZE, DmaReach::Bits47)?;
    let mut content = vec![0; LOG_SIZE as usize];
    write_log_header(&mut content, log.page_addresses());
    log.write(0, &content)?;
    Ok(log)
}

/// The queues' memory, with the addresses of its pages and our queue's header in it.
fn queues<P: Pci>(card: &Card<P>) -> Result<DmaBuffer<P::Mapping>, DmaError> {
    let queues = card.alloc(QUEUE_MEMORY_SIZE, DmaReach::Bits47)?;
    let mut table = vec![0; PAGE_SIZE as usize];
    write_entries(&mut table, queues.page_addresses());
    queues.write(0, &table)?;
    queues.write(COMMAND_QUEUE.header, MsgqTxHeader::new().as_bytes())?;
    Ok(queues)
}
