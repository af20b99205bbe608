// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The tenant's DRM driver: objects that are guest pages or VRAM, files that are contexts.

use super::{
    backing::Backing,
    limits::{Limits, Stats},
    openers::{Context, Opener, Openers},
};
use drm_core::{
    gem::{self, DriverObject},
    Driver, DriverFile, DriverInfo, File,
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    device,
    error::{
        code::{ENOMEM, ENOSPC},
        Error, Result,
    },
    types::ARef,
};
use parking_lot::Mutex;
use pinned_init::PinInit;
use std::{pin::Pin, sync::Arc};

use crate::work::Memory;

/// Lists of entries that are kept for new objects, and how long one may be to be kept.
const POOL: usize = 64;
const POOLED_CAPACITY: usize = 256;

/// The DRM driver of a tenant's device.
pub(super) struct TenantDriver;

/// The object type.
pub(super) type Object = gem::Object<TenantObject>;
/// The device type.
pub(super) type TenantDevice = drm_core::Device<TenantDriver>;

/// What belongs to the device: limits, what counts against them, and who has opened it.
pub(super) struct TenantData {
    limits: Limits,
    used: Mutex<Used>,
    pub(super) openers: Openers,
}

#[derive(Default)]
struct Used {
    stats: Stats,
    pool: Vec<Backing>,
}

impl TenantData {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            used: Mutex::default(),
            openers: Openers::default(),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn stats(&self) -> Stats {
        self.used.lock().stats
    }

    /// Counts `count` more entries, if the tenant may have them.
    fn charge_entries(&self, count: u32) -> Result {
        let used = &mut self.used.lock().stats.entries;
        let sum = used.checked_add(count).ok_or(ENOSPC)?;
        if sum > self.limits.max_total_entries {
            return Err(ENOSPC);
        }
        *used = sum;
        Ok(())
    }

    fn take_backing(&self) -> Backing {
        self.used.lock().pool.pop().unwrap_or_default()
    }

    fn object_gone(&self, size: u64, mut backing: Backing) {
        let mut used = self.used.lock();
        used.stats.objects -= 1;
        used.stats.bytes -= size;
        used.stats.entries -= backing.entries();
        if used.pool.len() < POOL && backing.capacity() <= POOLED_CAPACITY {
            backing.clear();
            used.pool.push(backing);
        }
    }
}

impl Driver for TenantDriver {
    type Data = TenantData;
    type RegistrationData<'a> = ();
    type Object = Object;
    type File = TenantFile;
    type ParentDevice<Ctx: device::DeviceContext> = device::Device<Ctx>;
    const INFO: DriverInfo = DriverInfo {
        major: 1,
        minor: 0,
        patchlevel: 0,
        name: c"vhost-nova",
        desc: c"A tenant's share of an NVIDIA GPU",
    };
    // Commands carry lists, which an ioctl argument does not: they call the same functions directly.
    const IOCTLS: &'static [drm_core::ioctl::DrmIoctlDescriptor] = &[];
    const FEAT_RENDER: bool = true;
}

/// What belongs to a context: what an operator is told of it. Its handles are kept by DRM core.
pub(super) struct TenantFile {
    device: ARef<TenantDevice>,
    context: Arc<Context>,
}

impl TenantFile {
    /// The file is context `id` of `opener`: from now on an operator sees it.
    pub(super) fn announce(&self, id: u32, opener: Opener) {
        self.context.announce(id, opener);
        self.device.openers.add(&self.context);
    }
}

impl Drop for TenantFile {
    fn drop(&mut self) {
        self.device.openers.remove(&self.context);
    }
}

impl DriverFile for TenantFile {
    type Driver = TenantDriver;

    fn open(device: &TenantDevice) -> Result<Pin<KBox<Self>>> {
        let file = Self {
            device: ARef::from(device),
            context: Arc::default(),
        };
        Ok(KBox::pin(file, GFP_KERNEL)?)
    }
}

/// What belongs to an object: its VRAM, or its pages, once the guest has named them.
pub(super) struct TenantObject {
    device: ARef<TenantDevice>,
    size: u64,
    vram: Option<Memory>,
    backing: Mutex<Backing>,
}

impl TenantObject {
    /// Appends entries that were checked against guest memory.
    pub(super) fn add(&self, entries: super::backing::Entries<'_>) -> Result {
        let mut backing = self.backing.lock();
        if !backing.reserve(entries.len()) {
            return Err(ENOMEM);
        }
        self.device.charge_entries(entries.len())?;
        backing.append(entries);
        Ok(())
    }

    /// Its VRAM; `None` for an object of guest pages.
    pub(super) fn vram(&self) -> Option<&Memory> {
        self.vram.as_ref()
    }

    /// The pages, for a short time.
    pub(super) fn backing(&self) -> parking_lot::MutexGuard<'_, Backing> {
        self.backing.lock()
    }
}

impl DriverObject for TenantObject {
    type Driver = TenantDriver;
    type Args = Option<Memory>;

    fn new(device: &TenantDevice, size: usize, vram: Option<Memory>) -> impl PinInit<Self, Error> {
        let size = size as u64;
        let backing = device.take_backing();
        let mut used = device.used.lock();
        used.stats.objects += 1;
        used.stats.bytes += size;
        Ok(Self {
            device: ARef::from(device),
            size,
            vram,
            backing: Mutex::new(backing),
        })
    }

    fn open(object: &Object, file: &File<TenantFile>) -> Result {
        let device = &object.device;
        let handles = &mut device.used.lock().stats.handles;
        if *handles >= device.limits.max_handles {
            return Err(ENOSPC);
        }
        *handles += 1;
        file.inner().context.opened(object.size);
        Ok(())
    }

    fn close(object: &Object, file: &File<TenantFile>) {
        file.inner().context.closed(object.size);
        object.device.used.lock().stats.handles -= 1;
    }
}

impl Drop for TenantObject {
    fn drop(&mut self) {
        let backing = std::mem::take(self.backing.get_mut());
        self.device.object_gone(self.size, backing);
    }
}
