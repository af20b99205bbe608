// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A tenant's share of a GPU, on its driver.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use kernel_abi::virtio_nova::{
    LOST_ENGINE, LOST_KILLED, LOST_MMU_FAULT, LOST_RESOURCES, PAGE_SIZE,
};
use nova_driver::guest::{GuestMemory, GuestMemoryError, GuestPages, RegionSpec};
use nova_driver::mem::{
    Backing, Limits, MemoryError, MemoryManager, QuotaError, Resource, Usage, VramError,
    VramRequest,
};
use nova_driver::mmu::{MapError, MapFlags};
use nova_driver::{CopyQueue, Device, FaultReason, OwnerHandle, WorkError};
use nova_pci::Pci;
use nova_spec::rm::Class;
use parking_lot::Mutex;
use vm_memory::{Address, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};
use vmm_sys_util::eventfd::EventFd;

use super::scrub::ScrubHandle;
use crate::tenant::WorkSpec;
use crate::work::{
    Classes, Loss, Memory, Queue, Reservation, Segment, Share, ShareError, Space, SubmitError,
    VramFigures, VA_END, VA_START,
};

/// Where the rings of queues are in each address space.
const RINGS: u64 = 2 << 20;
/// Bytes for each, rounded up from what a queue takes.
const RING: u64 = 256 << 10;
/// Mappings of a tenant, over all its address spaces: each costs memory of the daemon.
const MAX_MAPPINGS: u64 = 1 << 16;

/// What can be mapped, as the protocol's part of the daemon passes it around.
struct Mappable(Arc<dyn Backing>);

/// Lists of guest pages that are mapped or are about to be, each with its length: they cost memory.
struct Ledger<M> {
    most: usize,
    pages: Vec<(Weak<GuestPages<M>>, usize)>,
    sum: usize,
}

impl<M> Ledger<M> {
    /// Whether the tenant may have a list of so many runs beside those that live.
    fn has_room(&mut self, runs: usize) -> bool {
        if self.sum + runs > self.most || self.pages.len() >= self.most {
            self.pages.retain(|(pages, _)| pages.strong_count() > 0);
            self.sum = self.pages.iter().map(|(_, runs)| runs).sum();
        }
        self.sum + runs <= self.most && self.pages.len() < self.most
    }

    fn add(&mut self, pages: &Arc<GuestPages<M>>, runs: usize) {
        self.pages.push((Arc::downgrade(pages), runs));
        self.sum += runs;
    }
}

/// A share.
pub(super) struct GpuShare<P: Pci + 'static> {
    /// `None` once the GPU is shut down.
    device: Weak<Device<P>>,
    memory: Arc<MemoryManager<P>>,
    owner: OwnerHandle<P>,
    guest: Mutex<Option<(GuestMemory<P>, u64)>>,
    ledger: Mutex<Ledger<P::Mapping>>,
    engines: Vec<u32>,
    next_engine: AtomicUsize,
    preempt_timeout: Duration,
    quota: u64,
    has_interrupts: bool,
    scrub: ScrubHandle,
}

impl<P: Pci + 'static> GpuShare<P> {
    /// A share for a tenant that may have so much.
    pub(super) fn new(
        device: &Arc<Device<P>>,
        scrub: ScrubHandle,
        tenant: &str,
        spec: &WorkSpec,
        max_entries: u32,
    ) -> Result<Self, WorkError> {
        let (vms, queues) = (spec.limits.max_vms.into(), spec.limits.max_queues.into());
        let total = device.memory().vram().figures().total;
        let quota = spec.vram_quota.unwrap_or(total).min(total);
        let limits = Limits::UNLIMITED
            .with(Resource::Vram, quota)
            .with(Resource::AddressSpaces, vms)
            .with(Resource::ChannelGroups, queues)
            .with(Resource::Channels, queues)
            .with(Resource::Mappings, MAX_MAPPINGS);
        Ok(Self {
            owner: device.owner(tenant, limits)?,
            memory: device.memory().clone(),
            guest: Mutex::new(None),
            ledger: Mutex::new(Ledger {
                most: max_entries as usize,
                pages: Vec::new(),
                sum: 0,
            }),
            engines: device.copy_engines().collect(),
            next_engine: AtomicUsize::new(0),
            preempt_timeout: spec.preempt_timeout,
            quota,
            has_interrupts: device.has_interrupts(),
            device: Arc::downgrade(device),
            scrub,
        })
    }

    /// Room for guest addresses below `end`; what there was is given back when it is too small.
    fn guest_for(&self, end: u64) -> Result<GuestMemory<P>, GuestMemoryError> {
        GuestMemory::new(&self.memory, self.owner.owner(), end)
    }
}

/// What the driver's memory says, as the protocol knows it.
fn memory_error(error: &MemoryError) -> ShareError {
    match error {
        MemoryError::Quota(_) | MemoryError::Vram(VramError::Quota(_)) => ShareError::Limit,
        MemoryError::Vram(_) | MemoryError::Dma(_) => ShareError::OutOfMemory,
        _ => ShareError::Failed,
    }
}

fn work_error(error: WorkError) -> ShareError {
    let known = match &error {
        WorkError::Quota(_) | WorkError::Map(MapError::Quota(_)) => ShareError::Limit,
        WorkError::Map(MapError::Vram(VramError::Quota(_))) => ShareError::Limit,
        WorkError::Map(MapError::Vram(_)) | WorkError::NoChannel => ShareError::OutOfMemory,
        WorkError::Memory(error) => memory_error(error),
        _ => ShareError::Failed,
    };
    if known == ShareError::Failed {
        tracing::error!(%error, "the GPU did not do what a tenant needs");
    }
    known
}

impl From<QuotaError> for ShareError {
    fn from(_: QuotaError) -> Self {
        Self::Limit
    }
}

impl<P: Pci + 'static> Share for GpuShare<P> {
    fn classes(&self) -> Classes {
        Classes {
            gpfifo: Class::AMPERE_CHANNEL_GPFIFO_A.0,
            copy: Class::AMPERE_DMA_COPY_B.0,
            page_sizes: 1 << 12 | 1 << 16 | 1 << 21,
        }
    }

    fn vram(&self) -> VramFigures {
        VramFigures {
            quota: self.quota,
            used: self.owner.owner().used(Resource::Vram),
        }
    }

    fn alloc(&self, len: u64) -> Result<Memory, ShareError> {
        let memory = self.owner.alloc_vram(&VramRequest::buffer(len));
        Ok(Arc::new(Mappable(memory.map_err(work_error)?)))
    }

    fn pages(&self, runs: &[(u64, u64)]) -> Result<Memory, ShareError> {
        let mut ledger = self.ledger.lock();
        if !ledger.has_room(runs.len()) {
            return Err(ShareError::Limit);
        }
        let guest = self.guest.lock();
        let (guest, _) = guest.as_ref().ok_or(ShareError::Address)?;
        let pages = guest.pages(runs.iter().copied());
        let pages = pages.map_err(|_| ShareError::Address)?;
        ledger.add(&pages, runs.len());
        Ok(Arc::new(Mappable(pages)))
    }

    fn set_memory(&self, regions: &GuestMemoryMmap) -> anyhow::Result<bool> {
        let mut table = Vec::new();
        let mut end = 0;
        for region in regions.iter() {
            let Some(file) = region.file_offset() else {
                anyhow::bail!("a region of guest memory has no file");
            };
            let (guest_address, len) = (region.start_addr().raw_value(), region.len());
            end = end.max(guest_address.saturating_add(len));
            table.push(RegionSpec {
                file: file.arc().clone(),
                file_offset: file.start(),
                guest_address,
                len,
            });
        }
        let update = |guest: &GuestMemory<P>, table: &[RegionSpec]| match guest.update(table) {
            Ok(changes) => {
                tracing::debug!(?changes, "guest memory for the GPU");
                Ok(true)
            }
            Err(GuestMemoryError::InUse { .. }) => Ok(false),
            Err(error) => Err(anyhow::Error::from(error)),
        };
        let mut place = self.guest.lock();
        if let Some((guest, len)) = &*place {
            if end <= *len {
                return update(guest, &table);
            }
            // Addresses in a row are needed: all of it moves.
            if !update(guest, &[])? {
                return Ok(false);
            }
            *place = None;
        }
        if table.is_empty() {
            return Ok(true);
        }
        let len = end.max(PAGE_SIZE).checked_next_power_of_two();
        let guest = self.guest_for(end)?;
        update(&guest, &table)?;
        *place = Some((guest, len.unwrap_or(end)));
        Ok(true)
    }

    fn reserve(&self, tables: u64, mappings: u64) -> Result<Reservation, ShareError> {
        let owner = self.owner.owner();
        let tables = owner.charge(Resource::Vram, Usage::PageTables, tables)?;
        let mappings = owner.charge(Resource::Mappings, Usage::Count, mappings)?;
        Ok(Box::new((tables, mappings)))
    }

    fn space(&self) -> Result<Arc<dyn Space>, ShareError> {
        const { assert!(RINGS < VA_START) };
        let space = self.owner.address_space(RINGS..VA_END);
        Ok(Arc::new(GpuSpace::<P> {
            space: space.map_err(work_error)?,
            rings: Arc::default(),
        }))
    }

    fn queue(
        &self,
        space: &Arc<dyn Space>,
        _priority: u32,
        notify: &EventFd,
    ) -> Result<Box<dyn Queue>, ShareError> {
        let any: &dyn Any = &**space;
        let it = any.downcast_ref::<GpuSpace<P>>();
        let it = it.ok_or(ShareError::Failed)?;
        let place = Place::take(&it.rings).ok_or(ShareError::Limit)?;
        let turn = self.next_engine.fetch_add(1, Ordering::Relaxed);
        let engine = turn.checked_rem(self.engines.len()).unwrap_or(0);
        let engine = self.engines.get(engine).ok_or(ShareError::Failed)?;
        let queue = self.owner.copy_queue(&it.space, *engine, place.va());
        let queue = queue.map_err(work_error)?;
        let notify = notify.try_clone().map_err(|_| ShareError::OutOfMemory)?;
        queue.set_notify(Some(notify));
        Ok(Box::new(GpuQueue {
            queue,
            _place: place,
            _space: space.clone(),
        }))
    }

    fn pause(&self) {
        if let Err(error) = self.owner.pause(self.preempt_timeout) {
            tracing::error!(%error, "pausing a tenant's queues");
        }
    }

    fn resume(&self) {
        if let Err(error) = self.owner.resume() {
            tracing::error!(%error, "resuming a tenant's queues");
        }
    }

    fn stop(&self) {
        if let Err(error) = self.owner.stop(self.preempt_timeout) {
            tracing::error!(%error, "stopping a tenant's queues");
        }
    }

    fn scrub(&self) {
        self.scrub.wake();
    }

    fn is_lost(&self) -> bool {
        let device = self.device.upgrade();
        device.is_none_or(|device| device.check().is_err())
    }

    fn has_interrupts(&self) -> bool {
        self.has_interrupts
    }
}

/// An address space, and which of its places for rings are taken.
struct GpuSpace<P: Pci> {
    space: Arc<nova_driver::Space<P>>,
    rings: Arc<Mutex<Vec<bool>>>,
}

fn map_error(error: MapError) -> ShareError {
    tracing::warn!(%error, "a bind was not carried out");
    ShareError::Failed
}

impl<P: Pci + 'static> Space for GpuSpace<P> {
    fn map(
        &self,
        addr: u64,
        memory: &Memory,
        offset: u64,
        length: u64,
        read_only: bool,
    ) -> Result<(), ShareError> {
        let memory = memory.downcast_ref::<Mappable>();
        let memory = memory.ok_or(ShareError::Failed)?.0.clone();
        let flags = MapFlags {
            read_only,
            ..MapFlags::default()
        };
        let mapped = self.space.map(addr, memory, offset, length, flags);
        mapped.map_err(map_error)
    }

    fn map_sparse(&self, addr: u64, length: u64) -> Result<(), ShareError> {
        self.space.map_sparse(addr, length).map_err(map_error)
    }

    fn unmap(&self, addr: u64, length: u64) -> Result<(), ShareError> {
        self.space.unmap(addr, length).map_err(map_error)
    }
}

/// Where a queue's ring is in its address space, until this is dropped.
struct Place {
    rings: Arc<Mutex<Vec<bool>>>,
    index: usize,
}

impl Place {
    fn take(rings: &Arc<Mutex<Vec<bool>>>) -> Option<Self> {
        let mut taken = rings.lock();
        let index = match taken.iter().position(|taken| !taken) {
            Some(index) => index,
            None => {
                taken.push(false);
                taken.len() - 1
            }
        };
        if RINGS + (index as u64 + 1) * RING > VA_START {
            return None;
        }
        taken[index] = true;
        drop(taken);
        let rings = rings.clone();
        Some(Self { rings, index })
    }

    fn va(&self) -> u64 {
        RINGS + self.index as u64 * RING
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.rings.lock()[self.index] = false;
    }
}

/// A queue. Its fields are in the order in which they are dropped.
struct GpuQueue<P: Pci> {
    queue: CopyQueue<P>,
    _place: Place,
    _space: Arc<dyn Space>,
}

impl<P: Pci> GpuQueue<P> {
    const FITS: () = assert!(CopyQueue::<P>::LEN <= RING);
}

impl<P: Pci + 'static> Queue for GpuQueue<P> {
    fn submit(&self, segments: &[Segment]) -> Result<u64, SubmitError> {
        let () = Self::FITS;
        let segments: Vec<_> = segments
            .iter()
            .map(|segment| nova_driver::Segment {
                address: segment.addr,
                dwords: segment.length / 4,
                wait: segment.no_prefetch,
            })
            .collect();
        self.queue
            .submit_segments(&segments)
            .map_err(|error| match error {
                nova_driver::SubmitError::Full => SubmitError::Full,
                _ => SubmitError::Ended,
            })
    }

    fn completed(&self) -> u64 {
        self.queue.completed()
    }

    fn loss(&self) -> Option<Loss> {
        self.queue.fault().map(|reason| match reason {
            FaultReason::Mmu { address, .. } => Loss {
                reason: LOST_MMU_FAULT,
                address,
            },
            FaultReason::Rc(_) => Loss::of(LOST_ENGINE),
            FaultReason::Stopped => Loss::of(LOST_KILLED),
            _ => Loss::of(LOST_RESOURCES),
        })
    }
}
