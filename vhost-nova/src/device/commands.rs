// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! One function a command on contexts and objects (sections 6.3 and 6.4): steps 5 to 7 of the checks.

use super::{
    answer::Reply,
    backing::Entries,
    driver::{Object, TenantFile},
    openers::Opener,
    Device,
};
use drm_core::{gem::BaseObject, File};
use kernel_abi::{
    error::{code, Error},
    types::ARef,
    virtio_nova::{
        CtxCreate, GemAddPages, GemChecksum, GemClose, GemCreate, GemOpen, MemEntry, Negotiate,
        RespCtxCreate, RespGemChecksum, RespGemCreate, RespNegotiate, Status, Wire, CHECKSUM_FILL,
        CHECKSUM_READ, DOMAIN_SYSTEM, DOMAIN_VRAM, MAX_CHECKSUM_LENGTH, PAGE_SIZE, VERSION_MAJOR,
        VERSION_MINOR,
    },
};
use vm_memory::GuestMemoryMmap;

type Result<T = Reply, E = Status> = std::result::Result<T, E>;

impl Device {
    pub(super) fn negotiate(&mut self, ctx_id: u32, request: Negotiate) -> Result {
        no_context(ctx_id)?;
        zero(request.padding)?;
        if request.version_major != VERSION_MAJOR {
            return Err(Status::ErrVersion);
        }
        self.negotiated = true;
        let mut chip_name = [0; 16];
        let room = chip_name.len() - 1;
        for (to, from) in chip_name
            .iter_mut()
            .take(room)
            .zip(self.gpu.chip_name.bytes())
        {
            *to = from;
        }
        Ok(Reply::Negotiate(RespNegotiate {
            version_major: VERSION_MAJOR,
            version_minor: VERSION_MINOR,
            chipset: self.gpu.chipset,
            boot_0: self.gpu.boot_0,
            boot_42: self.gpu.boot_42,
            vram_size: self.gpu.vram_size,
            vram_bar_size: self.gpu.vram_bar_size,
            chip_name,
        }))
    }

    pub(super) fn ctx_create(&mut self, ctx_id: u32, request: CtxCreate) -> Result {
        no_context(ctx_id)?;
        if self.contexts.len() >= self.limits().max_contexts {
            return Err(Status::ErrLimit);
        }
        let file = File::<TenantFile>::open(&self.drm).map_err(status)?;
        let ctx_id = self.contexts.insert(file)?;
        let opener = Opener::from(&request);
        self.contexts.get(ctx_id)?.inner().announce(ctx_id, opener);
        tracing::debug!(
            ctx_id,
            pid = opener.pid,
            uid = opener.uid,
            name = opener.escaped_name(),
            "context created"
        );
        Ok(Reply::CtxCreate(RespCtxCreate { ctx_id, padding: 0 }))
    }

    pub(super) fn ctx_destroy(&mut self, ctx_id: u32, _nothing: [u8; 0]) -> Result {
        self.contexts.get(ctx_id)?;
        if self.work.as_ref().is_some_and(|work| work.has_vms(ctx_id)) {
            return Err(Status::ErrBusy);
        }
        self.contexts.remove(ctx_id)?;
        self.scrub();
        Ok(Reply::Nothing)
    }

    pub(super) fn gem_create(&mut self, mem: &GuestMemoryMmap, ctx_id: u32, body: &[u8]) -> Result {
        let (request, entries) = GemCreate::take(body).ok_or(Status::ErrInvalidLength)?;
        entries_length(entries, request.nr_entries)?;
        let file = self.contexts.get(ctx_id)?;
        let limits = self.limits();
        let size_is_valid = request.size != 0
            && request.size % PAGE_SIZE == 0
            && request.size <= limits.max_object_size;
        let domain_is_valid = match (request.domain, &self.work) {
            (DOMAIN_SYSTEM, _) => true,
            (DOMAIN_VRAM, Some(_)) => request.nr_entries == 0,
            _ => false,
        };
        if !size_is_valid || !domain_is_valid || request.nr_entries > limits.max_mem_entries {
            return Err(Status::ErrInvalidParameter);
        }
        let entries = Entries::check(entries, request.size, mem)?;
        let size = usize::try_from(request.size).map_err(|_| Status::ErrInvalidParameter)?;
        let vram = match (request.domain, &self.work) {
            (DOMAIN_VRAM, Some(work)) => {
                if self.drm.stats().handles >= limits.max_handles {
                    return Err(Status::ErrLimit);
                }
                Some(work.alloc(request.size)?)
            }
            _ => None,
        };
        let object = Object::new(&self.drm, size, vram).map_err(status)?;
        object.add(entries).map_err(status)?;
        created(object.create_handle(file))
    }

    pub(super) fn gem_add_pages(
        &mut self,
        mem: &GuestMemoryMmap,
        ctx_id: u32,
        body: &[u8],
    ) -> Result {
        let (request, entries) = GemAddPages::take(body).ok_or(Status::ErrInvalidLength)?;
        entries_length(entries, request.nr_entries)?;
        let object = self.object(ctx_id, request.handle)?;
        if request.nr_entries == 0 || request.nr_entries > self.limits().max_mem_entries {
            return Err(Status::ErrInvalidParameter);
        }
        let room = missing(&object);
        if room == 0 {
            return Err(Status::ErrBusy);
        }
        let entries = Entries::check(entries, room, mem)?;
        object.add(entries).map_err(status)?;
        Ok(Reply::Nothing)
    }

    pub(super) fn gem_close(&mut self, ctx_id: u32, request: GemClose) -> Result {
        let file = self.contexts.get(ctx_id)?;
        zero(request.padding)?;
        file.delete_handle(request.handle).map_err(status)?;
        self.scrub();
        Ok(Reply::Nothing)
    }

    pub(super) fn gem_open(&mut self, ctx_id: u32, request: GemOpen) -> Result {
        let file = self.contexts.get(ctx_id)?;
        let object = self.object(request.src_ctx_id, request.src_handle)?;
        created(object.create_handle(file))
    }

    pub(super) fn gem_checksum(
        &mut self,
        mem: &GuestMemoryMmap,
        ctx_id: u32,
        request: GemChecksum,
    ) -> Result {
        let object = self.object(ctx_id, request.handle)?;
        let fill = match request.op {
            CHECKSUM_READ if request.seed == 0 => false,
            CHECKSUM_FILL => true,
            _ => return Err(Status::ErrInvalidParameter),
        };
        let GemChecksum { offset, length, .. } = request;
        let inside = offset
            .checked_add(length)
            .is_some_and(|end| end <= object.size() as u64);
        if length == 0 || length > MAX_CHECKSUM_LENGTH || !inside || object.vram().is_some() {
            return Err(Status::ErrInvalidParameter);
        }
        if missing(&object) != 0 {
            return Err(Status::ErrBusy);
        }
        let backing = object.backing();
        if fill {
            // All pages are looked at before the first byte is written.
            backing.checksum(mem, offset, length)?;
            backing.fill(mem, offset, length, request.seed)?;
        }
        let crc32 = backing.checksum(mem, offset, length)?;
        Ok(Reply::GemChecksum(RespGemChecksum { crc32, padding: 0 }))
    }

    /// VRAM may have been given back.
    fn scrub(&self) {
        if let Some(work) = &self.work {
            work.scrub();
        }
    }

    pub(super) fn object(&self, ctx_id: u32, handle: u32) -> Result<ARef<Object>> {
        Object::lookup_handle(self.contexts.get(ctx_id)?, handle).map_err(status)
    }
}

/// Step 5 for a command with entries: they are as long as their number says.
fn entries_length(entries: &[u8], count: u32) -> Result<()> {
    if entries.len() as u64 != u64::from(count) * MemEntry::LEN as u64 {
        return Err(Status::ErrInvalidLength);
    }
    Ok(())
}

fn created(handle: Result<u32, Error>) -> Result {
    let handle = handle.map_err(status)?;
    Ok(Reply::GemCreate(RespGemCreate { handle, padding: 0 }))
}

/// Bytes of an object that no entry covers yet.
pub(super) fn missing(object: &Object) -> u64 {
    if object.vram().is_some() {
        return 0;
    }
    (object.size() as u64).saturating_sub(object.backing().covered())
}

pub(super) fn no_context(ctx_id: u32) -> Result<()> {
    match ctx_id {
        0 => Ok(()),
        _ => Err(Status::ErrInvalidContext),
    }
}

fn zero(padding: u32) -> Result<()> {
    match padding {
        0 => Ok(()),
        _ => Err(Status::ErrInvalidParameter),
    }
}

/// The status of what DRM core answers.
fn status(error: Error) -> Status {
    match error {
        code::ENOENT => Status::ErrInvalidHandle,
        code::ENOSPC => Status::ErrLimit,
        code::ENOMEM => Status::ErrOutOfMemory,
        _ => Status::ErrUnspec,
    }
}
