// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The bus as the card sees it from below: memory by bus address, as an IOMMU shows it.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use nova_pci::{DmaMemory, PciError, PAGE_SIZE};

/// Addresses that a card can put on the bus.
pub(crate) const ADDRESS_BITS: u32 = 47;

/// A bus address behind which there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory at bus address {0:#x}")]
pub(crate) struct Unmapped(pub(crate) u64);

/// The memory mapped for a card.
///
/// # Invariants
/// The ranges do not overlap and end below `1 << ADDRESS_BITS`.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    maps: RwLock<BTreeMap<u64, Arc<DmaMemory>>>,
}

impl Bus {
    /// Shows memory from `start` on.
    pub(crate) fn map(&self, start: u64, memory: Arc<DmaMemory>) -> Result<(), PciError> {
        let len = memory.len();
        let refused = PciError::DmaAddress {
            bus_address: start,
            len,
        };
        let Some(end) = start.checked_add(len) else {
            return Err(refused);
        };
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let below = maps.range(..end).next_back();
        let free = below.is_none_or(|(at, memory)| at + memory.len() <= start);
        if start % PAGE_SIZE != 0 || end > 1 << ADDRESS_BITS || !free {
            return Err(refused);
        }
        // INVARIANT: checked above.
        maps.insert(start, memory);
        Ok(())
    }

    /// Takes away what [`Self::map`] showed from `start` on.
    pub(crate) fn unmap(&self, start: u64) {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        maps.remove(&start);
    }

    /// Copies memory into `data`, over adjacent maps too.
    pub(crate) fn read(&self, address: u64, data: &mut [u8]) -> Result<(), Unmapped> {
        let mut done = 0;
        while done < data.len() {
            let (memory, offset, count) = self.find(address, done, data.len())?;
            let part = data.get_mut(done..done + count).ok_or(Unmapped(address))?;
            memory.read(offset, part).map_err(|_| Unmapped(address))?;
            done += count;
        }
        Ok(())
    }

    /// Copies `data` into memory, over adjacent maps too. What lies before an address without
    /// memory has been written, as on a bus.
    pub(crate) fn write(&self, address: u64, data: &[u8]) -> Result<(), Unmapped> {
        let mut done = 0;
        while done < data.len() {
            let (memory, offset, count) = self.find(address, done, data.len())?;
            let part = data.get(done..done + count).ok_or(Unmapped(address))?;
            memory.write(offset, part).map_err(|_| Unmapped(address))?;
            done += count;
        }
        Ok(())
    }

    /// The memory at `address + done`, the offset in it, and how many of the bytes up to `len`
    /// it has; never 0.
    fn find(
        &self,
        address: u64,
        done: usize,
        len: usize,
    ) -> Result<(Arc<DmaMemory>, u64, usize), Unmapped> {
        let at = address.checked_add(done as u64).ok_or(Unmapped(address))?;
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        let (start, memory) = maps.range(..=at).next_back().ok_or(Unmapped(at))?;
        let offset = at - start;
        let room = memory.len().checked_sub(offset).filter(|room| *room > 0);
        let room = room.ok_or(Unmapped(at))?;
        let count = room.min((len - done) as u64) as usize;
        Ok((memory.clone(), offset, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_run_over_adjacent_maps_and_stop_where_there_is_none() {
        let bus = Bus::default();
        let (low, high) = (DmaMemory::new(4096).unwrap(), DmaMemory::new(4096).unwrap());
        bus.map(0x1000, low.clone()).unwrap();
        bus.map(0x2000, high.clone()).unwrap();
        bus.write(0x1ffe, &[1, 2, 3, 4]).unwrap();
        let mut bytes = [0; 4];
        bus.read(0x1ffe, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4]);
        assert_eq!(high.load32(0).unwrap(), 0x0403);
        assert_eq!(bus.write(0x2ffe, &bytes), Err(Unmapped(0x3000)));
        assert_eq!(bus.read(0xfff, &mut bytes), Err(Unmapped(0xfff)));
        assert_eq!(bus.read(u64::MAX, &mut bytes), Err(Unmapped(u64::MAX)));
        bus.unmap(0x1000);
        assert_eq!(bus.read(0x1ffe, &mut bytes), Err(Unmapped(0x1ffe)));
    }

    #[test]
    fn what_overlaps_or_lies_too_high_is_refused() {
        let bus = Bus::default();
        let memory = DmaMemory::new(8192).unwrap();
        bus.map(0x4000, memory.clone()).unwrap();
        let top = 1 << ADDRESS_BITS;
        for start in [0x3000, 0x4000, 0x5000, 0x6001, top - 4096, u64::MAX - 4095] {
            assert!(bus.map(start, memory.clone()).is_err(), "{start:#x}");
        }
        bus.map(0x6000, memory.clone()).unwrap();
        bus.map(0x2000, memory.clone()).unwrap();
        bus.map(top - 8192, memory).unwrap();
    }
}
