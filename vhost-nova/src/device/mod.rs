// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A tenant's device: what the commands of `docs/virtio-nova.md` do.
//!
//! Each guest file has a file here, each guest handle a handle, on a DRM device of the hosted
//! [`drm_core`] that belongs to the tenant alone. Pure logic: bytes in, bytes out, and guest
//! memory for checksums. Requests are private copies; every number in them is hostile.
//!
//! | module | role |
//! |---|---|
//! | [`Device`] (this file) | state of a tenant's device, order of the checks |
//! | `commands` | one function a command: contexts and objects |
//! | `work_commands` | the same, for what is work on the GPU |
//! | `driver` | the tenant's DRM driver |
//! | `backing` | the guest pages of an object |
//! | `contexts` | context ids |
//! | `answer` | encoding of answers |
//! | `limits` | what a tenant may have |
//! | `openers` | who has opened the device, for the operator |

mod answer;
mod backing;
mod commands;
mod contexts;
mod driver;
mod limits;
mod openers;
mod work_commands;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod work_tests;

use self::{
    answer::{Answer, Reply},
    contexts::Contexts,
    driver::{TenantData, TenantDevice, TenantDriver},
};
use drm_core::{Registration, UnregisteredDevice};
use kernel_abi::{
    device::RootDevice,
    error::Error,
    types::ARef,
    virtio_nova::{
        self as wire, Config, Event, Hdr, Status, Wire, CMD_CTX_CREATE, CMD_CTX_DESTROY, CMD_EXEC,
        CMD_FENCE_MEMORY, CMD_GEM_ADD_PAGES, CMD_GEM_CHECKSUM, CMD_GEM_CLOSE, CMD_GEM_CREATE,
        CMD_GEM_OPEN, CMD_GET_INFO, CMD_NEGOTIATE, CMD_QUEUE_CREATE, CMD_QUEUE_DESTROY,
        CMD_VM_BIND, CMD_VM_CREATE, CMD_VM_DESTROY,
    },
};
use vm_memory::GuestMemoryMmap;

use crate::work::Work;

pub use self::answer::MAX_ANSWER;
pub use self::limits::{Limits, Stats};
pub use self::openers::{ContextView, Inspector, Opener};

/// The card, as guests are told of it.
#[derive(Clone, Debug)]
pub struct GpuIdentity {
    /// As NV_PMC_BOOT_42 names it (GA102: 0x172).
    pub chipset: u32,
    /// NV_PMC_BOOT_0.
    pub boot_0: u32,
    /// NV_PMC_BOOT_42.
    pub boot_42: u32,
    /// Bytes of video memory on the card.
    pub vram_size: u64,
    /// Bytes of the card's BAR1.
    pub vram_bar_size: u64,
    /// ASCII; the first 15 characters are shown.
    pub chip_name: String,
}

/// The device could not be made.
#[derive(Debug, thiserror::Error)]
#[error("tenant {tenant}: the device cannot be made: {source}")]
pub struct DeviceError {
    tenant: String,
    source: kernel_abi::error::Error,
}

/// A tenant's device.
pub struct Device {
    gpu: GpuIdentity,
    /// With the option `WORK`. What it maps goes before the objects do.
    work: Option<Work>,
    // Contexts are files of the DRM device: they go first. That is registered until its parent goes.
    contexts: Contexts,
    drm: ARef<TenantDevice>,
    _parent: RootDevice,
    negotiated: bool,
    lost: bool,
    event_pending: bool,
}

impl Device {
    /// Makes the device of tenant `tenant`, with work on the GPU or without.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn new(
        tenant: &str,
        gpu: GpuIdentity,
        limits: Limits,
        work: Option<Work>,
    ) -> Result<Self, DeviceError> {
        // The guest is told what it can really have.
        let limits = Limits {
            max_contexts: limits.max_contexts.min(Contexts::CAPACITY),
            ..limits
        };
        let make = || {
            let parent = RootDevice::new(c"tenant")?;
            let drm =
                UnregisteredDevice::<TenantDriver>::new(&parent, Ok(TenantData::new(limits)))?;
            let drm =
                Registration::<TenantDriver>::new_foreign_owned::<Error>(drm, &parent, Ok(()), 0)?;
            Ok((ARef::from(drm), parent))
        };
        let (drm, parent) = make().map_err(|source| DeviceError {
            tenant: tenant.to_owned(),
            source,
        })?;
        Ok(Self {
            gpu,
            work,
            contexts: Contexts::new(),
            drm,
            _parent: parent,
            negotiated: false,
            lost: false,
            event_pending: false,
        })
    }

    fn limits(&self) -> &Limits {
        self.drm.limits()
    }

    /// The configuration space (section 4).
    pub fn config(&self) -> [u8; Config::LEN] {
        let limits = self.limits();
        let mut config = Config {
            magic: wire::CONFIG_MAGIC,
            version_major: wire::VERSION_MAJOR,
            version_minor: wire::VERSION_MINOR,
            options: 0,
            max_contexts: limits.max_contexts,
            max_handles: limits.max_handles,
            max_mem_entries: limits.max_mem_entries,
            max_object_size: limits.max_object_size,
            ..Config::default()
        };
        if let Some(work) = &self.work {
            work.limits().fill(&mut config);
        }
        config.to_bytes()
    }

    /// The longest request that can be valid, in bytes.
    pub fn max_request_len(&self) -> usize {
        let create = Hdr::LEN
            + wire::GemCreate::LEN
            + self.limits().max_mem_entries as usize * wire::MemEntry::LEN;
        let work = self.work.as_ref();
        create.max(work.map_or(0, |work| work.limits().max_request_len()))
    }

    /// Bytes of the whole answer that this request has when it succeeds (section 6.1, step 2).
    pub fn answer_len(request: &[u8]) -> usize {
        Hdr::LEN + Hdr::decode(request).map_or(0, |hdr| body_len(hdr.type_))
    }

    /// Steps 3 to 7 of section 6.1: checks the request, carries it out and writes the answer,
    /// whose length is returned. `request` is a private copy. Does not sleep but for memory.
    pub fn handle(
        &mut self,
        mem: &GuestMemoryMmap,
        request: &[u8],
        answer: &mut [u8; MAX_ANSWER],
    ) -> usize {
        let ctx_id = Hdr::decode(request).map_or(0, |hdr| hdr.ctx_id);
        let reply = self.dispatch(mem, request);
        Answer::new(ctx_id, reply).write(answer)
    }

    fn dispatch(&mut self, mem: &GuestMemoryMmap, request: &[u8]) -> Result<Reply, Status> {
        let (hdr, body) = Hdr::take(request).ok_or(Status::ErrInvalidLength)?;
        let reserved_is_zero =
            hdr.flags == 0 && hdr.fence_id == 0 && hdr.ring_idx == 0 && hdr.padding == [0; 3];
        if !reserved_is_zero {
            return Err(Status::ErrInvalidParameter);
        }
        self.check_state(hdr.type_)?;
        let id = hdr.ctx_id;
        match hdr.type_ {
            CMD_NEGOTIATE => self.negotiate(id, exactly(body)?),
            CMD_CTX_CREATE => self.ctx_create(id, exactly(body)?),
            CMD_CTX_DESTROY => self.ctx_destroy(id, exactly::<[u8; 0]>(body)?),
            CMD_GEM_CREATE => self.gem_create(mem, id, body),
            CMD_GEM_ADD_PAGES => self.gem_add_pages(mem, id, body),
            CMD_GEM_CLOSE => self.gem_close(id, exactly(body)?),
            CMD_GEM_OPEN => self.gem_open(id, exactly(body)?),
            CMD_GEM_CHECKSUM => self.gem_checksum(mem, id, exactly(body)?),
            _ => self.dispatch_work(hdr.type_, id, body),
        }
    }

    /// Step 4: the command is known, and the device is in a state that takes it.
    fn check_state(&self, command: u32) -> Result<(), Status> {
        if !is_known(command, self.work.is_some()) {
            return Err(Status::ErrInvalidCommand);
        }
        if command == CMD_NEGOTIATE {
            return Ok(());
        }
        if !self.negotiated {
            return Err(Status::ErrNotNegotiated);
        }
        if self.lost {
            return Err(Status::ErrDeviceLost);
        }
        Ok(())
    }

    /// A device reset: all contexts end, all objects are freed, nothing is negotiated.
    ///
    /// When this returns, nothing of the tenant runs on the GPU or is mapped there.
    pub fn reset(&mut self) {
        self.end_work();
        self.contexts.clear();
        self.negotiated = false;
        self.lost = false;
        self.event_pending = false;
    }

    /// The device is lost to this tenant until a reset; the guest is told once.
    pub fn mark_lost(&mut self) {
        if !self.lost {
            self.lost = true;
            self.event_pending = true;
            // Nothing may touch the pages any more.
            self.end_work();
            self.contexts.clear();
        }
    }

    /// True between [`Device::mark_lost`] and [`Device::reset`].
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether an event waits for a buffer (section 7).
    pub fn has_event(&self) -> bool {
        self.event_pending || self.work.as_ref().is_some_and(Work::has_event)
    }

    /// Takes an event that is to be delivered. What happens from here on is another event.
    pub fn take_event(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.event_pending) {
            return Some(Event {
                type_: wire::EVENT_DEVICE_LOST,
                ..Event::default()
            });
        }
        self.work.as_ref().and_then(Work::take_event)
    }

    /// An event could not be delivered.
    pub fn put_back_event(&mut self, event: Event) {
        if event.type_ == wire::EVENT_DEVICE_LOST {
            self.event_pending = true;
        } else if let Some(work) = &self.work {
            work.put_back(event);
        }
    }

    /// For an operator who looks into the device.
    pub fn inspector(&self) -> Inspector {
        Inspector::new(self.drm.clone(), self.work.as_ref().map(Work::inspector))
    }

    /// What the tenant has.
    pub fn stats(&self) -> Stats {
        let mut stats = self.drm.stats();
        stats.contexts = self.contexts.len();
        stats
    }
}

/// Whether there is such a command, for a device with work on the GPU or without.
fn is_known(command: u32, has_work: bool) -> bool {
    match command {
        CMD_NEGOTIATE | CMD_CTX_CREATE | CMD_CTX_DESTROY | CMD_GEM_CREATE | CMD_GEM_ADD_PAGES
        | CMD_GEM_CLOSE | CMD_GEM_OPEN | CMD_GEM_CHECKSUM => true,
        CMD_FENCE_MEMORY | CMD_GET_INFO | CMD_VM_CREATE | CMD_VM_DESTROY | CMD_VM_BIND
        | CMD_QUEUE_CREATE | CMD_QUEUE_DESTROY | CMD_EXEC => has_work,
        _ => false,
    }
}

/// Bytes that a good answer has behind its header.
fn body_len(command: u32) -> usize {
    match command {
        CMD_NEGOTIATE => wire::RespNegotiate::LEN,
        CMD_CTX_CREATE => wire::RespCtxCreate::LEN,
        CMD_GEM_CREATE | CMD_GEM_OPEN => wire::RespGemCreate::LEN,
        CMD_GEM_CHECKSUM => wire::RespGemChecksum::LEN,
        CMD_GET_INFO => wire::RespGetInfo::LEN,
        CMD_VM_CREATE => wire::RespVmCreate::LEN,
        CMD_QUEUE_CREATE => wire::RespQueueCreate::LEN,
        _ => 0,
    }
}

/// Step 5: the body has exactly the length of `T`.
fn exactly<T: Wire>(body: &[u8]) -> Result<T, Status> {
    match T::take(body) {
        Some((value, [])) => Ok(value),
        _ => Err(Status::ErrInvalidLength),
    }
}
