// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP-RM's image in system memory, and the page tables of three levels through which booter
//! finds it (`gsp_fw_wpr_meta.h`, `sysmemAddrOfRadix3Elf`).

use nova_pci::Pci;

use crate::{
    card::Card,
    dma::{DmaBuffer, DmaError, DmaReach},
};

/// The image and its tables.
pub(crate) struct Radix3<M> {
    /// One page: the addresses of the pages of level 1.
    root: DmaBuffer<M>,
    #[allow(dead_code)] // read by the GPU
    tables: [DmaBuffer<M>; 2],
    #[allow(dead_code)] // read by the GPU
    image: DmaBuffer<M>,
}

impl<M> Radix3<M> {
    pub(crate) fn new<P: Pci<Mapping = M>>(card: &Card<P>, image: &[u8]) -> Result<Self, DmaError> {
        let image = card.alloc_with(image, DmaReach::Bits40)?;
        let level2 = card.alloc_with(&entries(&image), DmaReach::Bits40)?;
        let level1 = card.alloc_with(&entries(&level2), DmaReach::Bits40)?;
        // One page has room for the tables of 512 GiB, more than any firmware file.
        let root = card.alloc_with(&entries(&level1), DmaReach::Bits40)?;
        Ok(Self {
            root,
            tables: [level1, level2],
            image,
        })
    }

    /// Where booter starts.
    pub(crate) fn bus_address(&self) -> u64 {
        self.root.bus_address()
    }
}

/// The entries that lead to the pages of `buffer`.
fn entries<M>(buffer: &DmaBuffer<M>) -> Vec<u8> {
    buffer.page_addresses().flat_map(u64::to_le_bytes).collect()
}
