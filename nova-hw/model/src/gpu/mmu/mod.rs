// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The GMMU: virtual addresses of an address space, which a page directory makes, to pages.
//!
//! | module | holds |
//! |---|---|
//! | `memory` | the memories that a page can be in, by physical address |
//! | `walk` | a way through the tables |
//! | `space` | memory by virtual address |
//! | `instance` | which page directory an instance block names |
//! | `tlb` | what engines remember of such ways, until it is invalidated |
//!
//! Engines go through the [`Tlb`], so that a driver that forgets an invalidation has the engine
//! see the old page, as on a card. Accesses of BARs may [`walk`] each time.

mod instance;
mod memory;
mod space;
mod tlb;
mod walk;

pub(crate) use instance::page_directory_of;
pub(crate) use memory::Memory;
pub(crate) use space::AddressSpace;
pub(crate) use tlb::{Invalidation, Tlb};
pub(crate) use walk::walk;

use nova_spec::mmu_fault::MmuFaultType;

/// Which memory a physical address is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Aperture {
    Vram,
    /// Behind the bus, snooped or not.
    System,
}

/// Where the root of the tables is: what an address space is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PageDirectory {
    pub(crate) aperture: Aperture,
    pub(crate) address: u64,
}

/// What lies behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    /// Memory, from a physical address on.
    Memory(Aperture, u64),
    /// Nothing: reads are 0 and writes are lost.
    Sparse,
}

/// A page, or a range without one that is sparse.
///
/// # Invariants
/// `size` is a power of two, and `va` a multiple of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Its first virtual address.
    pub(crate) va: u64,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) backing: Backing,
    pub(crate) read_only: bool,
    pub(crate) privilege: bool,
}

impl Page {
    /// Whether an address is in the page.
    pub(crate) fn has(&self, va: u64) -> bool {
        va & !(self.size - 1) == self.va
    }

    /// What lies behind an address of the page.
    pub(crate) fn at(&self, va: u64) -> Backing {
        match self.backing {
            Backing::Memory(aperture, start) => {
                // A page's address has 58 bits at most, so this does not overflow.
                Backing::Memory(aperture, start + (va & (self.size - 1)))
            }
            Backing::Sparse => Backing::Sparse,
        }
    }

    /// Bytes from an address of the page to its end.
    pub(crate) fn left(&self, va: u64) -> u64 {
        self.size - (va & (self.size - 1))
    }
}

/// Who accesses, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) write: bool,
    pub(crate) privileged: bool,
}

impl Access {
    /// Whether a page allows it.
    pub(crate) fn check(self, page: &Page) -> Result<(), MmuFaultType> {
        if page.privilege && !self.privileged {
            return Err(MmuFaultType::PRIV_VIOLATION);
        }
        if page.read_only && self.write {
            return Err(MmuFaultType::RO_VIOLATION);
        }
        Ok(())
    }
}

/// A virtual address that an access had no way through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at virtual address {va:#x}")]
pub(crate) struct MmuFault {
    pub(crate) va: u64,
    pub(crate) fault: MmuFaultType,
}

#[cfg(test)]
mod tests;
