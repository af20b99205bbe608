// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory that the GPU reaches: where it is on the bus, and how long.

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
};

use nova_pci::{DmaMemory, Pci, PciError, PAGE_SIZE};
use vm_allocator::{AddressAllocator, AllocPolicy, RangeInclusive as Slot};

/// Addresses that the GPU can put on the bus at all (GMMU v2 and GSP's firmware).
const ADDRESS_BITS: u32 = 47;
/// No address below this is used: 0 means "none" to the card, and a slip near 0 must fault.
const FIRST_ADDRESS: u64 = 1 << 16;

/// Which bus addresses whoever reads the memory can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaReach {
    /// 40 bits: a falcon's DMA without its upper base register, and what the boot ROM is given.
    Bits40,
    /// 47 bits: everything else.
    Bits47,
}

impl DmaReach {
    const fn bits(self) -> u32 {
        match self {
            Self::Bits40 => 40,
            Self::Bits47 => ADDRESS_BITS,
        }
    }
}

/// Why there is no memory for the GPU.
#[derive(Debug, thiserror::Error)]
pub enum DmaError {
    /// The system has none.
    #[error("no memory: {len:#x} bytes for DMA")]
    Memory {
        /// Bytes asked for.
        len: u64,
        /// What the system says.
        source: std::io::Error,
    },
    /// No address is free that the reader reaches.
    #[error("no {len:#x} bytes of bus addresses are free below 2^{bits}")]
    NoAddress {
        /// Bytes asked for.
        len: u64,
        /// Bits of address that the reader has.
        bits: u32,
    },
    /// The card is lost: it gets no more memory.
    #[error("the GPU is lost")]
    Lost,
    /// The transport does not map it.
    #[error("the memory could not be mapped for the GPU")]
    Map(#[source] PciError),
    /// The transport does not say which addresses there are.
    #[error("the ranges of bus addresses could not be read")]
    Ranges(#[source] PciError),
    /// An access outside the memory: a slip of the driver.
    #[error("the memory could not be accessed")]
    Access(#[source] PciError),
}

/// The bus addresses of one device. All who map memory for it take theirs from here.
#[derive(Debug)]
pub(crate) struct DmaSpace {
    /// One for each range that the transport offers, ascending.
    ranges: Arc<Mutex<Vec<AddressAllocator>>>,
}

impl DmaSpace {
    pub(crate) fn new<P: Pci>(pci: &P) -> Result<Self, DmaError> {
        let ranges = pci.dma_ranges().map_err(DmaError::Ranges)?;
        let allocators = ranges.iter().filter_map(usable).collect();
        Ok(Self {
            ranges: Arc::new(Mutex::new(allocators)),
        })
    }

    /// New zeroed memory of whole pages, mapped for the device.
    pub(crate) fn alloc<P: Pci>(
        &self,
        pci: &P,
        len: u64,
        reach: DmaReach,
    ) -> Result<DmaBuffer<P::Mapping>, DmaError> {
        let memory = DmaMemory::new(len).map_err(|source| DmaError::Memory { len, source })?;
        let address = self.take(memory.len(), reach)?;
        let mapping = pci.dma_map(address.start(), &memory);
        Ok(DmaBuffer {
            mapping: mapping.map_err(DmaError::Map)?,
            memory,
            address,
        })
    }

    /// Addresses for memory of a guest's, aligned to `len`, a power of two. They are taken from
    /// the top, so that those below 2^40, which falcons reach, are left to buffers.
    pub(crate) fn take_slot(&self, len: u64) -> Result<Address, DmaError> {
        let mut ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, allocator) in ranges.iter_mut().enumerate().rev() {
            if let Ok(slot) = allocator.allocate(len, len, AllocPolicy::LastMatch) {
                let ranges = self.ranges.clone();
                return Ok(Address {
                    ranges,
                    index,
                    slot,
                });
            }
        }
        let bits = ADDRESS_BITS;
        Err(DmaError::NoAddress { len, bits })
    }

    fn take(&self, len: u64, reach: DmaReach) -> Result<Address, DmaError> {
        let none = DmaError::NoAddress {
            len,
            bits: reach.bits(),
        };
        let mut ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, allocator) in ranges.iter_mut().enumerate() {
            // The lowest free address, so what does not fit below the limit fits nowhere.
            let Ok(slot) = allocator.allocate(len, PAGE_SIZE, AllocPolicy::FirstMatch) else {
                continue;
            };
            if slot.end() >> reach.bits() == 0 {
                let ranges = self.ranges.clone();
                return Ok(Address {
                    ranges,
                    index,
                    slot,
                });
            }
            free(allocator, &slot);
        }
        Err(none)
    }
}

/// The part of a range that the GPU reaches, in whole pages.
fn usable(range: &RangeInclusive<u64>) -> Option<AddressAllocator> {
    let start = (*range.start())
        .max(FIRST_ADDRESS)
        .checked_next_multiple_of(PAGE_SIZE)?;
    let last = (*range.end()).min((1 << ADDRESS_BITS) - 1);
    let end = (last + 1) / PAGE_SIZE * PAGE_SIZE;
    AddressAllocator::new(start, end.checked_sub(start)?).ok()
}

fn free(allocator: &mut AddressAllocator, slot: &Slot) {
    if let Err(error) = allocator.free(slot) {
        tracing::error!(%error, "a bus address was freed that was not taken");
    }
}

/// Bus addresses that are taken while this lives.
#[derive(Debug)]
pub(crate) struct Address {
    ranges: Arc<Mutex<Vec<AddressAllocator>>>,
    index: usize,
    slot: Slot,
}

impl Address {
    /// The first.
    pub(crate) fn start(&self) -> u64 {
        self.slot.start()
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        let mut ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(allocator) = ranges.get_mut(self.index) {
            free(allocator, &self.slot);
        }
    }
}

/// Memory of this process that the GPU reaches, until this is dropped: then the mapping goes
/// first, then the memory, then the address is free for others.
#[derive(Debug)]
pub(crate) struct DmaBuffer<M> {
    #[allow(dead_code)] // lives for its drop, which comes before that of the others
    mapping: M,
    memory: Arc<DmaMemory>,
    address: Address,
}

impl<M> DmaBuffer<M> {
    /// Where the GPU sees its first byte.
    pub(crate) fn bus_address(&self) -> u64 {
        self.address.start()
    }

    /// The memory itself.
    pub(crate) fn memory(&self) -> &DmaMemory {
        &self.memory
    }

    /// Copies in.
    pub(crate) fn write(&self, offset: u64, data: &[u8]) -> Result<(), DmaError> {
        self.memory.write(offset, data).map_err(DmaError::Access)
    }

    /// The bus address of each of its pages.
    pub(crate) fn page_addresses(&self) -> impl Iterator<Item = u64> {
        let start = self.bus_address();
        (0..self.memory.len() / PAGE_SIZE).map(move |page| start + page * PAGE_SIZE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(ranges: &[RangeInclusive<u64>]) -> DmaSpace {
        DmaSpace {
            ranges: Arc::new(Mutex::new(ranges.iter().filter_map(usable).collect())),
        }
    }

    #[test]
    fn addresses_are_distinct_and_free_again() {
        let space = space(&[0..=u64::MAX]);
        let first = space.take(0x3000, DmaReach::Bits40).unwrap();
        let second = space.take(0x1000, DmaReach::Bits47).unwrap();
        assert_eq!(first.start(), FIRST_ADDRESS);
        assert_eq!(second.start(), FIRST_ADDRESS + 0x3000);
        drop(first);
        let third = space.take(0x2000, DmaReach::Bits40).unwrap();
        assert_eq!(third.start(), FIRST_ADDRESS);
    }

    #[test]
    fn each_stays_inside_a_range_and_below_its_limit() {
        // A hole at the interrupt controller, as platforms have, and memory above 2^40.
        let space = space(&[0xfff..=0x1_0fff, 0x20_0000..=0x20_1fff, 1 << 40..=u64::MAX]);
        let low = space.take(0x1000, DmaReach::Bits40).unwrap();
        assert_eq!(low.start(), 0x1_0000);
        let next = space.take(0x2000, DmaReach::Bits40).unwrap();
        assert_eq!(next.start(), 0x20_0000);
        let error = space.take(0x1000, DmaReach::Bits40).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no 0x1000 bytes of bus addresses are free below 2^40"
        );
        let high = space.take(0x1000, DmaReach::Bits47).unwrap();
        assert_eq!(high.start(), 1 << 40);
        let all = (1 << 47) - (1 << 40);
        assert!(space.take(all, DmaReach::Bits47).is_err());
        assert!(space.take(all - 0x1000, DmaReach::Bits47).is_ok());
    }

    #[test]
    fn ranges_without_a_whole_page_are_none() {
        let space = space(&[0..=0xffff, 0x2_0001..=0x2_0fff, 1 << 47..=u64::MAX]);
        assert!(space.take(0x1000, DmaReach::Bits47).is_err());
    }

    #[test]
    fn slots_are_aligned_inside_ranges_and_nobody_elses() {
        // As on a PC: a hole for the interrupt controller, and an IOMMU of 39 bits.
        let space = space(&[0..=0xfedf_ffff, 0xfef0_0000..=(1 << 39) - 1]);
        let low = space.take(0x1000, DmaReach::Bits40).unwrap();
        let size = 1 << 37;
        let slots: Vec<_> = std::iter::from_fn(|| space.take_slot(size).ok()).collect();
        let starts: Vec<_> = slots.iter().map(Address::start).collect();
        assert_eq!(starts, [3 << 37, 2 << 37, 1 << 37]);
        assert!(space.take_slot(1 << 47).is_err());
        let small = space.take_slot(1 << 31).unwrap();
        assert_eq!(small.start(), (1 << 37) - (1 << 31));
        assert!(space.take(0x1000, DmaReach::Bits40).is_ok());
        assert_eq!(low.start(), FIRST_ADDRESS);
    }

    #[test]
    fn a_refused_attempt_takes_nothing() {
        let space = space(&[1 << 40..=(1 << 40) + 0xfff]);
        assert!(space.take(0x1000, DmaReach::Bits40).is_err());
        assert!(space.take(0x1000, DmaReach::Bits47).is_ok());
    }
}
