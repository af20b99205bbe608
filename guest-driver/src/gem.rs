// SPDX-License-Identifier: GPL-2.0 OR MIT
//! GEM objects and their handles on the host.
//!
//! A handle here has one handle on the host, in the context of the same file. The host learns
//! of the pages when it first needs them; from then on they are pinned until the last host handle is closed
//! and the host has said so.

use crate::{
    context::Context,
    control::{Keep, Undo},
    drm::{NovaDevice, NovaDriver},
    file::NovaFile,
};
use drm_core::{
    gem::{self, BaseObject, DriverObject},
    File,
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KVec},
    error::{
        code::{EINVAL, EIO, ENOENT},
        Error, Result,
    },
    new_mutex,
    sync::{Arc, Mutex},
    types::ARef,
    uapi::drm_nova_gem_checksum,
    virtio_nova::{
        GemAddPages, GemChecksum, GemClose, GemCreate, GemOpen, MemEntry, RespGemChecksum,
        RespGemCreate, CMD_GEM_ADD_PAGES, CMD_GEM_CHECKSUM, CMD_GEM_CLOSE, CMD_GEM_CREATE,
        CMD_GEM_OPEN, DOMAIN_SYSTEM, PAGE_SIZE,
    },
};
use pinned_init::{pin_data, try_pin_init, PinInit};

/// Memory entries in one request: 16 KiB of them.
const ENTRIES: usize = 1024;

/// The object type of this driver.
pub(crate) type Object = gem::Object<NovaObject>;
/// Pinned pages of an object.
pub(crate) type Pages = drm_core::sys::gem::Pages<NovaObject>;

/// The driver's part of a GEM object.
#[pin_data]
pub(crate) struct NovaObject {
    #[pin]
    host: Mutex<KVec<HostHandle>>,
}

/// A handle to the object on the host.
struct HostHandle {
    context: Arc<Context>,
    handle: u32,
    /// Set in all handles of the object once the host knows its pages.
    pages: Option<Arc<Pages>>,
}

impl DriverObject for NovaObject {
    type Driver = NovaDriver;
    type Args = ();

    fn new(_device: &NovaDevice, _size: usize, _args: ()) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            host <- new_mutex!(KVec::new(), "NovaObject::host"),
        }? Error)
    }

    /// A file gains a handle: so does its context on the host. Sleeps; killable.
    fn open(object: &Object, file: &File<NovaFile>) -> Result {
        let context = file.inner().get_ref().context();
        let keep = || Keep {
            context: Some(context.clone()),
            pages: None,
        };
        let (source, pages) = {
            let mut host = object.host.lock();
            host.reserve(1, GFP_KERNEL)?;
            let first = host.first();
            (
                first.map(|first| (first.context.clone(), first.handle)),
                first.and_then(|first| first.pages.clone()),
            )
        };
        let control = context.control();
        let created: RespGemCreate = match source {
            None => {
                let create = GemCreate {
                    size: object.size() as u64,
                    domain: DOMAIN_SYSTEM,
                    nr_entries: 0,
                };
                control.call(CMD_GEM_CREATE, context.id(), &create, Undo::CloseHandle, keep())?
            }
            Some((source, handle)) => {
                let open = GemOpen {
                    src_ctx_id: source.id(),
                    src_handle: handle,
                };
                control.call(CMD_GEM_OPEN, context.id(), &open, Undo::CloseHandle, keep())?
            }
        };
        let handle = HostHandle {
            context: context.clone(),
            handle: created.handle,
            pages,
        };
        let mut host = object.host.lock();
        // Pages may have become known meanwhile.
        let pages = host.first().and_then(|first| first.pages.clone());
        let handle = HostHandle {
            pages: handle.pages.clone().or(pages),
            ..handle
        };
        if let Err(error) = host.reserve(1, GFP_KERNEL) {
            drop(host);
            handle.close();
            return Err(error.into());
        }
        host.push(handle, GFP_KERNEL)?;
        Ok(())
    }

    /// A file loses a handle, and its context on the host does. Sleeps only for memory.
    fn close(object: &Object, file: &File<NovaFile>) {
        let id = file.inner().get_ref().context().id();
        let handle = {
            let mut host = object.host.lock();
            let index = host.iter().position(|handle| handle.context.id() == id);
            index.and_then(|index| {
                let last = host.len() - 1;
                host.swap(index, last);
                host.pop()
            })
        };
        if let Some(handle) = handle {
            handle.close();
        }
    }
}

impl HostHandle {
    /// Closes the handle on the host; pages and context stay until it has answered.
    fn close(self) {
        let close = GemClose {
            handle: self.handle,
            padding: 0,
        };
        let (control, id) = (self.context.control().clone(), self.context.id());
        let keep = Keep {
            context: Some(self.context),
            pages: self.pages,
        };
        // A device that is gone has no handles.
        let _ = control.post(CMD_GEM_CLOSE, id, &close, &[], keep);
    }
}

impl NovaObject {
    /// Makes an object of at least `size` bytes. Sleeps.
    pub(crate) fn create(device: &NovaDevice, size: u64) -> Result<ARef<Object>> {
        if size == 0 {
            return Err(EINVAL);
        }
        let size = size.checked_next_multiple_of(PAGE_SIZE).ok_or(EINVAL)?;
        Object::new(device, usize::try_from(size).map_err(|_| EINVAL)?, ())
    }

    /// The object behind a handle of a file; `ENOENT` when there is none.
    pub(crate) fn lookup(file: &File<NovaFile>, handle: u32) -> Result<ARef<Object>> {
        Object::lookup_handle(file, handle)
    }

    /// Lets the host checksum a part of the object. Sleeps; killable.
    pub(crate) fn checksum(
        object: &ARef<Object>,
        context: &Arc<Context>,
        req: &drm_nova_gem_checksum,
    ) -> Result<u32> {
        let (handle, pages) = Self::attach(object, context)?;
        let request = GemChecksum {
            handle,
            op: req.op,
            offset: req.offset,
            length: req.length,
            seed: req.seed,
        };
        let keep = Keep {
            context: Some(context.clone()),
            pages: Some(pages),
        };
        let answer: RespGemChecksum = context.control().call(
            CMD_GEM_CHECKSUM,
            context.id(),
            &request,
            Undo::Nothing,
            keep,
        )?;
        Ok(answer.crc32)
    }

    /// The handle in `context`, after seeing to it that the host was told of the pages. The host
    /// handles requests in order, so it knows them before anything that is sent after
    /// this. Sleeps.
    fn attach(object: &ARef<Object>, context: &Arc<Context>) -> Result<(u32, Arc<Pages>)> {
        let mut host = object.host.lock();
        let mine = host
            .iter()
            .find(|handle| handle.context.id() == context.id())
            .ok_or(ENOENT)?;
        let handle = mine.handle;
        if let Some(pages) = &mine.pages {
            return Ok((handle, pages.clone()));
        }
        let pages = Arc::new(Pages::pin(object.clone())?, GFP_KERNEL)?;
        // From the first entry on the host may use the pages, whatever fails afterwards.
        for handle in host.iter_mut() {
            handle.pages = Some(pages.clone());
        }
        send_pages(&pages, object.size(), context, handle)?;
        Ok((handle, pages))
    }
}

/// Tells the host of all pages, in runs.
fn send_pages(pages: &Arc<Pages>, size: usize, context: &Arc<Context>, handle: u32) -> Result {
    let mut entries: KVec<MemEntry> = KVec::with_capacity(ENTRIES, GFP_KERNEL)?;
    let count = size / PAGE_SIZE as usize;
    for index in 0..count {
        let addr = pages.address(index).ok_or(EIO)?;
        if let Some(run) = entries.last_mut() {
            let end = run.addr + u64::from(run.length);
            // A run's length is a u32: end it long before.
            if end == addr && run.length < (1 << 30) {
                run.length += PAGE_SIZE as u32;
                continue;
            }
        }
        if entries.len() == ENTRIES {
            send_entries(&entries, pages, context, handle)?;
            entries.clear();
        }
        let entry = MemEntry {
            addr,
            length: PAGE_SIZE as u32,
            padding: 0,
        };
        entries.push(entry, GFP_KERNEL)?;
    }
    send_entries(&entries, pages, context, handle)
}

fn send_entries(
    entries: &[MemEntry],
    pages: &Arc<Pages>,
    context: &Arc<Context>,
    handle: u32,
) -> Result {
    let add = GemAddPages {
        handle,
        nr_entries: entries.len() as u32,
    };
    let keep = Keep {
        context: Some(context.clone()),
        pages: Some(pages.clone()),
    };
    context
        .control()
        .post(CMD_GEM_ADD_PAGES, context.id(), &add, entries, keep)
}
