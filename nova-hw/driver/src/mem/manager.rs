// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! All memory of a GPU that has booted: its owners, its VRAM, system memory, page tables' ways.

use std::{ops::Range, sync::Arc};

use nova_pci::Pci;

use super::{
    backing::Backing,
    instmem::Instmem,
    owner::{Limits, Owner, OwnerFigures, Owners, QuotaError, Resource, Usage},
    system::SystemMemory,
    video::{VideoMemory, VramRequest},
    vram::{VramError, VramManager},
};
use crate::{
    card::Card,
    dma::{DmaError, DmaReach},
    error::Cause,
    info::BootInfo,
    mmu::Tlb,
    timeouts::Timeouts,
};

/// Why there is no memory. Nothing was allocated or charged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// VRAM.
    #[error(transparent)]
    Vram(#[from] VramError),
    /// The owner may not have it.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// System memory.
    #[error(transparent)]
    Dma(#[from] DmaError),
    /// An access that is not all inside, or not of whole dwords: a slip of the driver.
    #[error("{len} bytes at {offset:#x} are not in the memory, or not whole dwords")]
    Access {
        /// The first byte.
        offset: u64,
        /// How many.
        len: usize,
    },
    /// The card.
    #[error("the GPU's memory could not be accessed")]
    Card(#[from] Cause),
}

/// The memory of one GPU, from its boot to its unload. Whoever got something from it holds it.
pub struct MemoryManager<P: Pci> {
    card: Arc<Card<P>>,
    owners: Owners,
    daemon: Owner,
    vram: Arc<VramManager>,
    instmem: Instmem<P>,
    tlb: Tlb<P>,
}

impl<P: Pci> MemoryManager<P> {
    /// The memory that RM leaves to a driver.
    pub(crate) fn new(card: &Arc<Card<P>>, timeouts: &Timeouts, info: &BootInfo) -> Arc<Self> {
        // Nothing in what the driver laid out for the firmware, whatever RM says.
        let end = info.layout.non_wpr_heap.start.min(info.gpu.vram_size);
        let usable = info.usable_regions();
        let ranges = usable.map(|region| region.base..(region.limit.saturating_add(1)).min(end));
        let ranges: Vec<_> = ranges.filter(|range| range.start < range.end).collect();
        Self::with_ranges(card, timeouts, &ranges)
    }

    /// The memory in these ranges of VRAM.
    pub(crate) fn with_ranges(
        card: &Arc<Card<P>>,
        timeouts: &Timeouts,
        ranges: &[Range<u64>],
    ) -> Arc<Self> {
        let owners = Owners::default();
        Arc::new(Self {
            daemon: owners.add("daemon", Limits::UNLIMITED),
            owners,
            vram: VramManager::new(ranges),
            instmem: Instmem::new(card),
            tlb: Tlb::new(card, timeouts),
            card: card.clone(),
        })
    }

    /// A new owner.
    pub fn owner(&self, name: &str, limits: Limits) -> Owner {
        self.owners.add(name, limits)
    }

    /// The daemon itself, which has no limits.
    pub fn daemon(&self) -> &Owner {
        &self.daemon
    }

    /// What every owner has.
    pub fn owners(&self) -> Vec<OwnerFigures> {
        self.owners.all().iter().map(Owner::figures).collect()
    }

    /// The VRAM.
    pub fn vram(&self) -> &Arc<VramManager> {
        &self.vram
    }

    /// Zeroed system memory for an owner.
    ///
    /// # Errors
    /// When the owner may not have it, or it is not there. Then nothing has changed.
    pub fn alloc_system(
        &self,
        owner: &Owner,
        usage: Usage,
        len: u64,
    ) -> Result<Arc<SystemMemory<P::Mapping>>, MemoryError> {
        let pages = len.checked_next_multiple_of(nova_pci::PAGE_SIZE);
        let len = pages.filter(|&len| len > 0).ok_or(VramError::Size(len))?;
        let charge = owner.charge(Resource::System, usage, len)?;
        let buffer = self.card.alloc(len, DmaReach::Bits47)?;
        Ok(Arc::new(SystemMemory::new(buffer, charge)))
    }

    /// Zeroed VRAM in one piece, written by the CPU: for instance blocks and their like, which
    /// are needed before anything can scrub.
    ///
    /// # Errors
    /// When the owner may not have it, or it is not there, or the card cannot be reached.
    pub fn alloc_instance(
        &self,
        owner: &Owner,
        usage: Usage,
        len: u64,
    ) -> Result<Arc<VideoMemory>, MemoryError> {
        self.alloc_zeroed(owner, &VramRequest::small(len, usage))
    }

    /// The same, in pages of any size.
    pub(crate) fn alloc_zeroed(
        &self,
        owner: &Owner,
        request: &VramRequest,
    ) -> Result<Arc<VideoMemory>, MemoryError> {
        let memory = self.vram.alloc_unscrubbed(owner, request)?;
        let zeros = [0; PAGE];
        for offset in (0..memory.extents().len()).step_by(PAGE) {
            self.instmem.write(memory.address() + offset, &zeros)?;
        }
        Ok(Arc::new(memory))
    }

    /// Writes VRAM by the CPU: instance blocks.
    ///
    /// # Errors
    /// For bytes that are not all in `memory`, or not whole dwords, and when the card cannot be
    /// reached.
    pub fn write_instance(
        &self,
        memory: &VideoMemory,
        offset: u64,
        data: &[u8],
    ) -> Result<(), MemoryError> {
        let address = memory.place(offset, data.len())?;
        Ok(self.instmem.write(address, data)?)
    }

    /// Reads VRAM by the CPU.
    ///
    /// # Errors
    /// As of [`Self::write_instance`].
    pub fn read_instance(
        &self,
        memory: &VideoMemory,
        offset: u64,
        data: &mut [u8],
    ) -> Result<(), MemoryError> {
        let address = memory.place(offset, data.len())?;
        Ok(self.instmem.read(address, data)?)
    }

    /// The card takes no more orders. What still lives gives back what it has without the card.
    pub(crate) fn close(&self) {
        self.tlb.close();
    }

    pub(crate) fn card(&self) -> &Arc<Card<P>> {
        &self.card
    }

    pub(crate) fn instmem(&self) -> &Instmem<P> {
        &self.instmem
    }

    pub(crate) fn tlb(&self) -> &Tlb<P> {
        &self.tlb
    }
}

/// What is cleared in one go.
const PAGE: usize = 4096;
