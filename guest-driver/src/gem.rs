// SPDX-License-Identifier: GPL-2.0 OR MIT
//! GEM objects and their handles on the host.
//!
//! A handle here has one handle on the host, in the context of the same file. The host learns
//! of the pages when it first needs them; from then on they are pinned until the last host handle is
//! closed and the host has said so.

use crate::{
    context::Context,
    control::{limit, Call, Control, Keep, Prepared, Undo},
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
        code::{EINTR, EINVAL, EIO, ENOENT, EOPNOTSUPP, ETIMEDOUT},
        Error, Result,
    },
    new_condvar, new_mutex,
    sync::{lock::Backend, Arc, CondVar, CondVarTimeoutResult, Guard, Mutex},
    types::ARef,
    uapi::drm_nova_gem_checksum,
    virtio_nova::{
        GemAddPages, GemChecksum, GemClose, GemCreate, GemOpen, MemEntry, RespGemChecksum,
        RespGemCreate, CMD_GEM_ADD_PAGES, CMD_GEM_CHECKSUM, CMD_GEM_CLOSE, CMD_GEM_CREATE,
        CMD_GEM_OPEN, DOMAIN_SYSTEM, PAGE_SIZE,
    },
};
use pinned_init::{pin_data, try_pin_init, PinInit};

/// Memory entries in one request, if the device takes as many: 16 KiB of them.
const ENTRIES: usize = 1024;

/// The object type of this driver.
pub(crate) type Object = gem::Object<NovaObject>;
/// Pinned pages of an object.
pub(crate) type Pages = drm_core::sys::gem::Pages<NovaObject>;

/// What kind of memory an object is made of.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// `DOMAIN_SYSTEM` or `DOMAIN_VRAM`.
    pub(crate) domain: u32,
    pub(crate) write_combined: bool,
}

impl Kind {
    /// Cached system memory.
    pub(crate) const SYSTEM: Self = Self {
        domain: DOMAIN_SYSTEM,
        write_combined: false,
    };
}

/// The driver's part of a GEM object.
#[pin_data]
pub(crate) struct NovaObject {
    /// `DOMAIN_SYSTEM` or `DOMAIN_VRAM`.
    domain: u32,
    #[pin]
    host: Mutex<HostObject>,
    /// A handle was made, or will not be.
    #[pin]
    settled: CondVar,
}

/// The object's counterpart on the host; there is one while there are handles to it.
#[derive(Default)]
struct HostObject {
    handles: KVec<HostHandle>,
    /// Somebody makes the counterpart: others wait, so that there is one.
    creating: bool,
    /// Handles that are asked for, or taken back: the counterpart is there as long.
    opening: usize,
    /// Set once the host may know pages.
    pages: Option<Arc<Pages>>,
    /// Pages that the host was told of.
    named: usize,
}

impl HostObject {
    /// Forgets the counterpart when it has ended with its last handle: another one would know no pages. What is returned
    /// is dropped without the lock.
    fn forget_if_unused(&mut self) -> Option<Arc<Pages>> {
        if !self.handles.is_empty() || self.opening > 0 {
            return None;
        }
        self.named = 0;
        self.pages.take()
    }
}

/// A handle that is asked for, until it is there or taken back: in that time the object keeps its counterpart.
/// Dropped in process context, without the object's lock.
pub(crate) struct Opening(ARef<Object>);

impl Opening {
    fn new(object: &Object, host: &mut HostObject) -> Self {
        host.opening += 1;
        Self(ARef::from(object))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut host = self.0.host.lock();
        host.opening -= 1;
        let pages = host.forget_if_unused();
        drop(host);
        self.0.settled.notify_all();
        drop(pages);
    }
}

/// The counterpart is being made, until this is dropped.
struct Creating<'a>(&'a Object);

impl Drop for Creating<'_> {
    fn drop(&mut self) {
        self.0.host.lock().creating = false;
        self.0.settled.notify_all();
    }
}

/// A handle to the object on the host.
struct HostHandle {
    context: Arc<Context>,
    handle: u32,
    close: Prepared,
}

impl DriverObject for NovaObject {
    type Driver = NovaDriver;
    type Args = Kind;

    fn new(_device: &NovaDevice, _size: usize, kind: Kind) -> impl PinInit<Self, Error> {
        let domain = kind.domain;
        try_pin_init!(Self {
            domain,
            host <- new_mutex!(HostObject::default(), "NovaObject::host"),
            settled <- new_condvar!("NovaObject::settled"),
        }? Error)
    }

    /// The CPU does not reach video memory here.
    fn may_map(object: &Object) -> Result {
        match object.domain {
            DOMAIN_SYSTEM => Ok(()),
            _ => Err(EOPNOTSUPP),
        }
    }

    fn is_write_combined(kind: &Kind) -> bool {
        kind.write_combined
    }

    /// A file gains a handle: so does its context on the host. Sleeps; killable.
    fn open(object: &Object, file: &File<NovaFile>) -> Result {
        let context = file.inner().get_ref().context();
        let close = Control::prepare()?;
        let (call, creating) = ask(object, context);
        let creating = creating.then(|| Creating(object));
        let created = call?.wait::<RespGemCreate>()?;
        let handle = HostHandle {
            context: context.clone(),
            handle: created.value.handle,
            close,
        };
        let mut host = object.host.lock();
        if let Err(error) = host.handles.reserve(1, GFP_KERNEL) {
            let pages = host.pages.clone();
            drop(host);
            handle.close(pages);
            return Err(error.into());
        }
        // There is room.
        host.handles.push(handle, GFP_KERNEL)?;
        drop(host);
        // In this order: whoever waits finds the handle.
        drop((created, creating));
        Ok(())
    }

    /// A file loses a handle, and its context on the host does. Sleeps.
    fn close(object: &Object, file: &File<NovaFile>) {
        let id = file.inner().get_ref().context().id();
        let mut host = object.host.lock();
        let index = host
            .handles
            .iter()
            .position(|handle| handle.context.id() == id);
        let Some(handle) = index.and_then(|index| host.handles.swap_remove(index)) else {
            return;
        };
        let pages = host.pages.clone();
        // The counterpart may end with this handle.
        let forgotten = host.forget_if_unused();
        drop(host);
        handle.close(pages);
        drop(forgotten);
    }
}

/// Asks the host for a handle in `context`: to the counterpart that there is, or to a new one, which is said too. The
/// request is sent under the object's lock, so before the handle that it refers to can be closed.
fn ask(object: &Object, context: &Arc<Context>) -> (Result<Call>, bool) {
    let (control, id) = (context.control(), context.id());
    let mut keep = Keep {
        context: Some(context.clone()),
        ..Keep::default()
    };
    let mut host = object.host.lock();
    if let Err(error) = settle(object, &mut host) {
        return (Err(error), false);
    }
    let source = host.handles.first();
    let source = source.map(|first| (first.context.id(), first.handle));
    let creates = source.is_none();
    let sent = match source {
        None => {
            host.creating = true;
            let create = GemCreate {
                size: object.size() as u64,
                domain: object.domain,
                nr_entries: 0,
            };
            control.start::<_, RespGemCreate>(CMD_GEM_CREATE, id, &create, Undo::CloseHandle, keep)
        }
        Some((src_ctx_id, src_handle)) => {
            keep.opening = Some(Opening::new(object, &mut host));
            keep.pages = host.pages.clone();
            let open = GemOpen {
                src_ctx_id,
                src_handle,
            };
            control.start::<_, RespGemCreate>(CMD_GEM_OPEN, id, &open, Undo::CloseHandle, keep)
        }
    };
    drop(host);
    // What was not kept is dropped here, without the lock.
    (sent.map_err(Error::from), creates)
}

/// Waits until there is a handle, or nobody makes one. Sleeps, killable: `EINTR`, or `ETIMEDOUT` when the host is silent.
fn settle<B: Backend>(object: &Object, host: &mut Guard<'_, HostObject, B>) -> Result {
    let mut left = limit();
    while host.handles.is_empty() && (host.creating || host.opening > 0) {
        match object.settled.wait_killable_timeout(host, left) {
            CondVarTimeoutResult::Woken { jiffies } => left = jiffies,
            CondVarTimeoutResult::Signal { .. } => return Err(EINTR),
            CondVarTimeoutResult::Timeout => return Err(ETIMEDOUT),
        }
    }
    Ok(())
}

impl HostHandle {
    /// Closes the handle on the host; pages and context stay until it has answered.
    fn close(self, pages: Option<Arc<Pages>>) {
        let close = GemClose {
            handle: self.handle,
            padding: 0,
        };
        let (control, id) = (self.context.control().clone(), self.context.id());
        let keep = Keep {
            context: Some(self.context),
            pages,
            ..Keep::default()
        };
        control.post_prepared(self.close, CMD_GEM_CLOSE, id, &close, keep);
    }
}

impl NovaObject {
    /// Makes an object of at least `size` bytes. Sleeps.
    pub(crate) fn create(device: &NovaDevice, size: u64, kind: Kind) -> Result<ARef<Object>> {
        if size == 0 {
            return Err(EINVAL);
        }
        let size = size.checked_next_multiple_of(PAGE_SIZE).ok_or(EINVAL)?;
        Object::new(device, usize::try_from(size).map_err(|_| EINVAL)?, kind)
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
        let (handle, Some(pages)) = Self::attach(object, context)? else {
            return Err(EINVAL);
        };
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
            ..Keep::default()
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

    /// The handle in `context`, after seeing to it that the host was told of all pages, which are returned; video memory has none. The host
    /// handles requests in order, so that it knows them before anything that is sent after this.
    /// What an error leaves undone is done by the next call. Sleeps.
    pub(crate) fn attach(
        object: &ARef<Object>,
        context: &Arc<Context>,
    ) -> Result<(u32, Option<Arc<Pages>>)> {
        let mut host = object.host.lock();
        let host = &mut *host;
        let mine = host
            .handles
            .iter()
            .find(|handle| handle.context.id() == context.id())
            .ok_or(ENOENT)?;
        if object.domain != DOMAIN_SYSTEM {
            return Ok((mine.handle, None));
        }
        let pages = match &host.pages {
            Some(pages) => pages.clone(),
            None => {
                let pages = Arc::new(Pages::pin(object.clone())?, GFP_KERNEL)?;
                // From the first entry on the host may use them, whatever fails afterwards.
                host.pages = Some(pages.clone());
                pages
            }
        };
        let count = object.size() / PAGE_SIZE as usize;
        while host.named < count {
            let (entries, next) = runs(&pages, host.named, count, context.control())?;
            let add = GemAddPages {
                handle: mine.handle,
                nr_entries: u32::try_from(entries.len())?,
            };
            let keep = Keep {
                context: Some(context.clone()),
                pages: Some(pages.clone()),
                ..Keep::default()
            };
            let (control, id) = (context.control(), context.id());
            control.post(CMD_GEM_ADD_PAGES, id, &add, &entries, keep)?;
            host.named = next;
        }
        Ok((mine.handle, Some(pages)))
    }
}

/// As many runs of pages from page `first` as one request takes, and the page after them.
fn runs(
    pages: &Pages,
    first: usize,
    count: usize,
    control: &Control,
) -> Result<(KVec<MemEntry>, usize)> {
    let max = control.max_entries().min(ENTRIES);
    let mut entries: KVec<MemEntry> = KVec::with_capacity(max.min(count - first), GFP_KERNEL)?;
    for index in first..count {
        let addr = pages.address(index).ok_or(EIO)?;
        if let Some(run) = entries.last_mut() {
            let end = run.addr + u64::from(run.length);
            // A run's length is a u32: end it long before.
            if end == addr && run.length < (1 << 30) {
                run.length += PAGE_SIZE as u32;
                continue;
            }
        }
        if entries.len() == max {
            return Ok((entries, index));
        }
        let entry = MemEntry {
            addr,
            length: PAGE_SIZE as u32,
            padding: 0,
        };
        entries.push(entry, GFP_KERNEL)?;
    }
    Ok((entries, count))
}
