// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! BAR1 in virtual mode. Its address space is cut into slices, a contiguous one an owner, and
//! whoever maps a slice's part of the BAR reaches that owner's memory and no more: an address
//! with nothing behind it shows the owner's dummy page.
//!
//! While RM starts it sets BAR1 up with an instance block and a root directory of its own. The
//! driver puts its tables under the first entry of that root, as nouveau does, and gives the
//! register back what RM had written.
//!
//! The dummy is a big page of VRAM, repeated: a slice costs 8 bytes of tables for 64 KiB then,
//! and not for 4. Whole blocks of 2 MiB belong to one slice, so that the tables of small pages
//! are one owner's, who pays for them; what slices share the daemon pays for.
//!
//! | module | holds |
//! |---|---|
//! | `slice` | an owner's part of the BAR |
//! | `mapping` | memory in it |

mod mapping;
mod slice;

use std::sync::{Arc, Mutex, PoisonError};

use nova_pci::{BarIndex, Pci};
use nova_spec::{
    gmmu::HUGE_PAGE,
    regs::{NV_PBUS_BAR1_BLOCK, NV_PBUS_BAR1_BLOCK_MODE},
};
use vm_allocator::{AddressAllocator, AllocPolicy, RangeInclusive};

pub use mapping::Bar1Mapping;
pub use slice::Slice;

use crate::{
    error::Cause,
    mem::{MemoryError, MemoryManager, Owner},
    mmu::{AddressSpace, MapError},
};

/// Why BAR1 does not show something. Nothing has changed, unless the card failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Bar1Error {
    /// No part of the BAR, or of the slice, is free that is as long: `ENOSPC`.
    #[error("no {len:#x} bytes in a row are free in {space}")]
    NoSpace {
        /// Bytes asked for.
        len: u64,
        /// Where.
        space: &'static str,
    },
    /// RM left BAR1 in a state in which nothing can be mapped in it.
    #[error("GSP-RM did not set BAR1 up: NV_PBUS_BAR1_BLOCK was {block:#010x}")]
    NotSetUp {
        /// The register after RM had started.
        block: u32,
    },
    /// An access that is not all inside the slice.
    #[error("{len:#x} bytes at {offset:#x} are not in the slice ({size:#x} bytes)")]
    OutOfRange {
        /// The first byte.
        offset: u64,
        /// Bytes.
        len: u64,
        /// Bytes of the slice.
        size: u64,
    },
    /// There is no memory for the slice.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The tables.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The card.
    #[error("BAR1 could not be accessed")]
    Card(#[from] Cause),
}

/// What RM left of BAR1.
#[derive(Clone, Copy)]
pub(crate) struct Bar1Setup {
    /// The register, as RM wrote it.
    pub(crate) block: NV_PBUS_BAR1_BLOCK,
    /// The address in VRAM of its root directory.
    pub(crate) root: u64,
}

/// BAR1 in virtual mode. It stays so when this is dropped, with nothing mapped in it.
pub struct Bar1<P: Pci> {
    space: AddressSpace<P>,
    bar: P::Bar,
    memory: Arc<MemoryManager<P>>,
    /// Which addresses are a slice's.
    addresses: Mutex<AddressAllocator>,
}

impl<P: Pci> Bar1<P> {
    /// Takes BAR1 over and puts it into virtual mode.
    pub(crate) fn new(
        memory: &Arc<MemoryManager<P>>,
        setup: &Bar1Setup,
    ) -> Result<Arc<Self>, Bar1Error> {
        let block = setup.block.raw_value();
        if setup.block.mode() != NV_PBUS_BAR1_BLOCK_MODE::VIRTUAL || setup.root % 4096 != 0 {
            return Err(Bar1Error::NotSetUp { block });
        }
        let card = memory.card();
        let bar = card.pci().bar(BarIndex::Bar1).map_err(Cause::from)?;
        let space = AddressSpace::in_bar(memory, setup.root, nova_pci::Bar::size(&bar))?;
        let len = space.range().end / HUGE_PAGE * HUGE_PAGE;
        let addresses = AddressAllocator::new(0, len).map_err(|_| Bar1Error::NoSpace {
            len: HUGE_PAGE,
            space: "BAR1",
        })?;
        card.set_bar1_virtual(true);
        card.registers.write(setup.block)?;
        Ok(Arc::new(Self {
            space,
            bar,
            memory: memory.clone(),
            addresses: Mutex::new(addresses),
        }))
    }

    /// A slice for an owner, of whole 2 MiB. All of it shows the owner's dummy page.
    ///
    /// # Errors
    /// When there is no such part of the BAR, or no memory for it.
    pub fn slice(self: &Arc<Self>, owner: &Owner, len: u64) -> Result<Arc<Slice<P>>, Bar1Error> {
        let space = "BAR1";
        let none = Bar1Error::NoSpace { len, space };
        let Some(len) = len.checked_next_multiple_of(HUGE_PAGE).filter(|&it| it > 0) else {
            return Err(none);
        };
        let mut addresses = self.lock();
        let policy = AllocPolicy::FirstMatch;
        let Ok(address) = addresses.allocate(len, HUGE_PAGE, policy) else {
            return Err(none);
        };
        drop(addresses);
        match Slice::new(self, owner, &address) {
            Ok(slice) => Ok(Arc::new(slice)),
            Err(error) => {
                self.free(&address);
                Err(error)
            }
        }
    }

    fn free(&self, address: &RangeInclusive) {
        if let Err(error) = self.lock().free(address) {
            tracing::error!(%error, "a slice of BAR1 was freed that was not taken");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, AddressAllocator> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
