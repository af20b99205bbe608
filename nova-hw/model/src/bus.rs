// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The bus as the card sees it from below: memory by bus address, as an IOMMU shows it.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use nova_pci::{DmaMemory, PciError, PAGE_SIZE};
use vm_memory::VolatileSlice;

/// Addresses that a card can put on the bus.
pub(crate) const ADDRESS_BITS: u32 = 47;

/// A bus address behind which there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory at bus address {0:#x}")]
pub(crate) struct Unmapped(pub(crate) u64);

/// A part of some memory, as it is mapped.
///
/// # Invariants
/// The part lies inside the memory, and has at least a byte.
#[derive(Clone, Debug)]
struct Segment {
    memory: Arc<DmaMemory>,
    offset: u64,
    len: u64,
}

/// The memory mapped for a card.
///
/// # Invariants
/// The ranges do not overlap and end below `1 << ADDRESS_BITS`.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    maps: RwLock<BTreeMap<u64, Segment>>,
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
        let free = below.is_none_or(|(at, segment)| at + segment.len <= start);
        if start % PAGE_SIZE != 0 || end > 1 << ADDRESS_BITS || !free {
            return Err(refused);
        }
        // INVARIANT: checked above.
        let offset = 0;
        maps.insert(
            start,
            Segment {
                memory,
                offset,
                len,
            },
        );
        Ok(())
    }

    /// Takes away all that is mapped in `len` bytes from `start` on: whole maps and parts.
    pub(crate) fn unmap(&self, start: u64, len: u64) {
        let end = start.saturating_add(len);
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        // From the top down, so that what is put back below `start` ends the search.
        while let Some((at, segment)) = maps.range(..end).next_back() {
            let (at, segment) = (*at, segment.clone());
            let segment_end = at + segment.len;
            if segment_end <= start {
                break;
            }
            maps.remove(&at);
            // INVARIANT: parts of the segment that was just removed.
            if segment_end > end {
                let cut = end - at;
                let mut above = segment.clone();
                (above.offset, above.len) = (segment.offset + cut, segment.len - cut);
                maps.insert(end, above);
            }
            if at < start {
                let mut below = segment;
                below.len = start - at;
                maps.insert(at, below);
            }
        }
    }

    /// Copies memory into `data`, over adjacent maps too.
    pub(crate) fn read(&self, address: u64, data: &mut [u8]) -> Result<(), Unmapped> {
        let view = self.view();
        let mut done = 0;
        while done < data.len() {
            let at = address.checked_add(done as u64).ok_or(Unmapped(address))?;
            let (memory, offset, count) = view.find(at, data.len() - done)?;
            let part = data.get_mut(done..done + count).ok_or(Unmapped(at))?;
            memory.read(offset, part).map_err(|_| Unmapped(at))?;
            done += count;
        }
        Ok(())
    }

    /// Copies `data` into memory, over adjacent maps too. What lies before an address without
    /// memory has been written, as on a bus.
    pub(crate) fn write(&self, address: u64, data: &[u8]) -> Result<(), Unmapped> {
        let view = self.view();
        let mut done = 0;
        while done < data.len() {
            let at = address.checked_add(done as u64).ok_or(Unmapped(address))?;
            let (memory, offset, count) = view.find(at, data.len() - done)?;
            let part = data.get(done..done + count).ok_or(Unmapped(at))?;
            memory.write(offset, part).map_err(|_| Unmapped(at))?;
            done += count;
        }
        Ok(())
    }

    /// What is mapped, which stays so while this is there.
    pub(crate) fn view(&self) -> View<'_> {
        View(self.maps.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is mapped. Who takes a map away waits until this is gone, so that the card does not
/// touch memory that is somebody else's by then.
#[derive(Debug)]
pub(crate) struct View<'a>(RwLockReadGuard<'a, BTreeMap<u64, Segment>>);

impl View<'_> {
    /// The bytes from an address on that lie together: at least one and at most `len`, which is
    /// not 0.
    pub(crate) fn slice(&self, address: u64, len: usize) -> Result<VolatileSlice<'_>, Unmapped> {
        let (memory, offset, count) = self.find(address, len)?;
        let slice = memory.volatile_slice(offset, count);
        slice.map_err(|_| Unmapped(address))
    }

    /// The memory at an address, the offset in it, and how many of `len` bytes it has; never 0.
    fn find(&self, at: u64, len: usize) -> Result<(&DmaMemory, u64, usize), Unmapped> {
        let (start, segment) = self.0.range(..=at).next_back().ok_or(Unmapped(at))?;
        let within = at - start;
        let room = segment.len.checked_sub(within).filter(|room| *room > 0);
        let room = room.ok_or(Unmapped(at))?;
        let count = room.min(len as u64) as usize;
        Ok((&*segment.memory, segment.offset + within, count))
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
        bus.unmap(0x1000, 0x1000);
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

    #[test]
    fn parts_are_unmapped_and_the_rest_keeps_its_place() {
        let bus = Bus::default();
        let memory = DmaMemory::new(0x5000).unwrap();
        for page in 0..5 {
            memory.store32(page * 0x1000, page as u32).unwrap();
        }
        let page_at = |address| {
            let mut bytes = [0; 4];
            bus.read(address, &mut bytes)
                .map(|()| u32::from_le_bytes(bytes))
        };
        bus.map(0x1_0000, memory.clone()).unwrap();
        bus.map(0x1_5000, memory.clone()).unwrap();
        bus.unmap(0x1_1000, 0x1000);
        assert_eq!(page_at(0x1_0000), Ok(0));
        assert_eq!(page_at(0x1_1000), Err(Unmapped(0x1_1000)));
        assert_eq!(page_at(0x1_2000), Ok(2));
        // Over the end of one map and into the next.
        bus.unmap(0x1_4000, 0x3000);
        assert_eq!(page_at(0x1_3000), Ok(3));
        for hole in [0x1_4000, 0x1_5000, 0x1_6000] {
            assert_eq!(page_at(hole), Err(Unmapped(hole)));
        }
        assert_eq!(page_at(0x1_7000), Ok(2));
        // What was taken away is free again.
        bus.map(0x1_1000, DmaMemory::new(0x1000).unwrap()).unwrap();
        assert!(bus.map(0x1_0000, memory.clone()).is_err());
        bus.unmap(0, u64::MAX);
        bus.map(0x1_0000, memory).unwrap();
    }
}
