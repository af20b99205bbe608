// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! All of a guest's memory.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nova_pci::{Pci, PciError, PAGE_SIZE};

use super::{
    pages::GuestPages,
    region::{Identity, Region, RegionSpec},
    table,
};
use crate::{
    card::Card,
    dma::{Address, DmaError},
    mem::{Extent, Extents, MemoryManager, Owner},
};

/// Why a guest's memory is not as it should be. Nothing has changed, but for [`Self::Lost`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestMemoryError {
    /// More regions than a table may have.
    #[error("{0} regions are too many")]
    TooMany(usize),
    /// A range is not of whole pages, or is empty.
    #[error("{len:#x} bytes at guest address {start:#x} are no whole pages")]
    Misaligned {
        /// Guest address.
        start: u64,
        /// Bytes.
        len: u64,
    },
    /// A region ends beyond the owner's addresses.
    #[error("guest memory ends at {end:#x} and there are {slot:#x} bytes of bus addresses for it")]
    OutsideSlot {
        /// Guest address.
        end: u64,
        /// Bytes of the slot.
        slot: u64,
    },
    /// Two regions have the same guest addresses.
    #[error("two regions have guest address {0:#x}")]
    Overlap(u64),
    /// A region that is to go is still mapped in an address space, or an object names it.
    #[error("{len:#x} bytes at guest address {start:#x} are still in use")]
    InUse {
        /// Guest address.
        start: u64,
        /// Bytes.
        len: u64,
    },
    /// No region has these bytes.
    #[error("{len:#x} bytes at guest address {start:#x} are no memory of the guest")]
    NoMemory {
        /// Guest address.
        start: u64,
        /// Bytes.
        len: u64,
    },
    /// No bus addresses are left for the guest.
    #[error(transparent)]
    Addresses(#[from] DmaError),
    /// A region's file is not what the table says.
    #[error("the file of {len:#x} bytes at guest address {start:#x} cannot be used")]
    File {
        /// Guest address.
        start: u64,
        /// Bytes.
        len: u64,
        /// What the system says.
        source: io::Error,
    },
    /// The IOMMU did not take a region. Its pages are pinned, so that a limit on locked memory
    /// (`LimitMEMLOCK`, `RLIMIT_MEMLOCK`) has to allow all memory of all guests.
    #[error(
        "{len:#x} bytes at guest address {start:#x} could not be mapped for the GPU; is the limit \
         on locked memory (LimitMEMLOCK) below the guests' memory?"
    )]
    Map {
        /// Guest address.
        start: u64,
        /// Bytes.
        len: u64,
        /// What the transport says.
        source: PciError,
    },
    /// As [`Self::Map`], and what was mapped before could not be mapped again.
    #[error("guest memory was lost on the way to another table")]
    Lost(#[source] Box<GuestMemoryError>),
}

/// What an update changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Regions that were mapped.
    pub mapped: usize,
    /// Regions that were taken away.
    pub unmapped: usize,
    /// Regions that were not touched.
    pub kept: usize,
}

type Regions<M> = BTreeMap<u64, Arc<Region<M>>>;

/// A guest's memory, at an owner's slot of bus addresses.
pub struct GuestMemory<P: Pci> {
    card: Arc<Card<P>>,
    owner: Owner,
    len: u64,
    /// By guest address.
    regions: Mutex<Regions<P::Mapping>>,
    /// Each region holds it too, so that it is not another's before all are gone.
    slot: Arc<Address>,
}

impl<P: Pci> GuestMemory<P> {
    /// Room for guest addresses below `len`, which is rounded up to a power of two. There is no
    /// memory in it yet.
    ///
    /// # Errors
    /// When so many bus addresses in a row are not free.
    pub fn new(
        memory: &MemoryManager<P>,
        owner: &Owner,
        len: u64,
    ) -> Result<Self, GuestMemoryError> {
        let card = memory.card();
        let size = len.max(PAGE_SIZE).checked_next_power_of_two();
        let size = size.ok_or(DmaError::NoAddress { len, bits: 64 })?;
        Ok(Self {
            slot: Arc::new(card.dma.take_slot(size)?),
            card: card.clone(),
            owner: owner.clone(),
            len: size,
            regions: Mutex::default(),
        })
    }

    /// Whose it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Where the GPU sees guest address 0.
    pub fn bus_address(&self) -> u64 {
        self.slot.start()
    }

    /// Makes the regions those of a table. Regions that are the same by file, offset, guest
    /// address and size are not touched.
    ///
    /// # Errors
    /// When the table is not in order, a region that goes is in use, or one that comes cannot be
    /// mapped. Then all is as before, if the error is not [`GuestMemoryError::Lost`].
    pub fn update(&self, table: &[RegionSpec]) -> Result<Changes, GuestMemoryError> {
        let identities = table::check(table, self.len)?;
        let mut regions = self.regions();
        let is_new = |identity: &Identity| {
            let known = regions.get(&identity.guest_address);
            known.is_none_or(|region| region.identity != *identity)
        };
        let new: Vec<_> = table
            .iter()
            .zip(identities.iter().copied())
            .filter(|(_, identity)| is_new(identity))
            .collect();
        let gone: Vec<u64> = regions
            .iter()
            .filter(|(_, region)| !identities.contains(&region.identity))
            .map(|(&start, _)| start)
            .collect();
        for region in gone.iter().filter_map(|start| regions.get(start)) {
            if Arc::strong_count(region) > 1 {
                let Identity {
                    guest_address: start,
                    len,
                    ..
                } = region.identity;
                return Err(GuestMemoryError::InUse { start, len });
            }
        }
        self.exchange(&mut regions, &gone, &new)?;
        Ok(Changes {
            mapped: new.len(),
            unmapped: gone.len(),
            kept: regions.len() - new.len(),
        })
    }

    /// Takes regions away and maps others.
    fn exchange(
        &self,
        regions: &mut Regions<P::Mapping>,
        gone: &[u64],
        new: &[(&RegionSpec, Identity)],
    ) -> Result<(), GuestMemoryError> {
        // A region that goes may be where another comes; those have to go first.
        let is_in_the_way = |region: &Identity| new.iter().any(|(_, new)| new.overlaps(region));
        let mut away = Vec::new();
        for start in gone {
            let region = regions.get(start).map(|region| region.identity);
            if region.as_ref().is_some_and(is_in_the_way) {
                if let Some(region) = regions.remove(start) {
                    away.push((region.spec.clone(), region.identity));
                }
            }
        }
        let mut mapped = Vec::new();
        for (spec, identity) in new {
            match self.map(spec, *identity) {
                Ok(region) => mapped.push(Arc::new(region)),
                Err(error) => {
                    drop(mapped);
                    return Err(self.put_back(regions, away, error));
                }
            }
        }
        gone.iter().for_each(|start| drop(regions.remove(start)));
        let mapped = mapped.into_iter();
        regions.extend(mapped.map(|region| (region.identity.guest_address, region)));
        Ok(())
    }

    fn map(
        &self,
        spec: &RegionSpec,
        identity: Identity,
    ) -> Result<Region<P::Mapping>, GuestMemoryError> {
        self.card.check_dma()?;
        Region::map(self.card.pci(), &self.slot, spec, identity)
    }

    /// Maps again what was taken away.
    fn put_back(
        &self,
        regions: &mut Regions<P::Mapping>,
        away: Vec<(RegionSpec, Identity)>,
        error: GuestMemoryError,
    ) -> GuestMemoryError {
        for (spec, identity) in away {
            match self.map(&spec, identity) {
                Ok(region) => drop(regions.insert(identity.guest_address, Arc::new(region))),
                Err(again) => {
                    tracing::warn!(error = %again, "guest memory cannot be mapped again");
                    return GuestMemoryError::Lost(Box::new(error));
                }
            }
        }
        error
    }

    /// An object of pages of the guest, in their order: guest addresses, and bytes from there.
    ///
    /// # Errors
    /// When a run is not of whole pages or not all memory of the guest.
    pub fn pages(
        &self,
        runs: impl IntoIterator<Item = (u64, u64)>,
    ) -> Result<Arc<GuestPages<P::Mapping>>, GuestMemoryError> {
        let regions = self.regions();
        let (mut extents, mut used) = (Extents::new(), BTreeMap::new());
        for (mut start, len) in runs {
            if len == 0 || start % PAGE_SIZE != 0 || len % PAGE_SIZE != 0 {
                return Err(GuestMemoryError::Misaligned { start, len });
            }
            let end = start.checked_add(len);
            let end = end.ok_or(GuestMemoryError::NoMemory { start, len })?;
            while start < end {
                let found = regions.range(..=start).next_back();
                let found = found.filter(|(_, region)| region.identity.end() > start);
                let len = end - start;
                let (at, region) = found.ok_or(GuestMemoryError::NoMemory { start, len })?;
                let len = end.min(region.identity.end()) - start;
                let address = region.bus_address(start);
                if !extents.push(Extent { address, len }) {
                    return Err(GuestMemoryError::NoMemory { start, len });
                }
                used.insert(*at, region.clone());
                start += len;
            }
        }
        let used = used.into_values().collect();
        Ok(Arc::new(GuestPages::new(&self.owner, extents, used)))
    }

    fn regions(&self) -> MutexGuard<'_, Regions<P::Mapping>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
