// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `struct drm_syncobj`.
//!
//! C headers: `include/drm/drm_syncobj.h`, `include/linux/dma-fence-chain.h`.

use super::{
    fence::{take, Fence},
    file::File,
};
use crate::file::DriverFile;
use core::{
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};
use kernel_abi::{
    bindings,
    error::{
        code::{EINVAL, ENOENT, ENOMEM},
        to_result, Result,
    },
    types::{ARef, AlwaysRefCounted, Opaque},
};

/// A sync object.
#[repr(transparent)]
pub struct SyncObj(Opaque<bindings::drm_syncobj>);

// SAFETY: sync objects may be used and released by any task.
unsafe impl Send for SyncObj {}
// SAFETY: C's sync objects have a lock.
unsafe impl Sync for SyncObj {}

impl SyncObj {
    /// The sync object behind a handle of `file` (`drm_syncobj_find()`); `ENOENT` when there is none.
    pub fn lookup_handle<F: DriverFile>(file: &File<F>, handle: u32) -> Result<ARef<Self>> {
        // SAFETY: the file is live; C gives a reference, or null.
        let raw = NonNull::new(unsafe { bindings::drm_syncobj_find(file.as_raw(), handle) });
        // SAFETY: the type is transparent.
        Ok(unsafe { ARef::from_raw(raw.ok_or(ENOENT)?.cast()) })
    }

    /// The fence that is over when point `point` of a handle's sync object is; 0 for a binary one, or all points
    /// (`drm_syncobj_find_fence()`). `ENOENT` for an unknown handle, `EINVAL` when there is no such point yet.
    pub fn find_fence<F: DriverFile>(
        file: &File<F>,
        handle: u32,
        point: u64,
    ) -> Result<ARef<Fence>> {
        let mut fence = ptr::null_mut();
        // SAFETY: the file is live.
        to_result(unsafe {
            bindings::drm_syncobj_find_fence(file.as_raw(), handle, point, 0, &mut fence)
        })?;
        // SAFETY: C gave a reference.
        unsafe { take(fence) }.ok_or(EINVAL)
    }

    /// Holds this fence from now on, instead of what it held (`drm_syncobj_replace_fence()`).
    pub fn replace_fence(&self, fence: Option<&Fence>) {
        let raw = fence.map_or(ptr::null_mut(), Fence::as_raw);
        // SAFETY: both are live, and C takes a reference of its own.
        unsafe { bindings::drm_syncobj_replace_fence(self.0.get(), raw) };
    }

    /// Adds `point` with its fence to a timeline (`drm_syncobj_add_point()`). A point that is not above the last one counts as that
    /// one. Does not fail.
    pub fn add_point(&self, chain: FenceChain, fence: &Fence, point: u64) {
        let chain = ManuallyDrop::new(chain);
        // SAFETY: all are live; the chain's memory is C's from here on, and of the fence it takes a reference.
        unsafe {
            bindings::drm_syncobj_add_point(self.0.get(), chain.0.as_ptr(), fence.as_raw(), point);
        }
    }
}

// SAFETY: C counts.
unsafe impl AlwaysRefCounted for SyncObj {
    fn inc_ref(&self) {
        // SAFETY: a reference shows that the count is not zero.
        unsafe { bindings::nova_drm_syncobj_get(self.0.get()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller gives up one count.
        unsafe { bindings::nova_drm_syncobj_put(this.as_ptr().cast()) };
    }
}

/// Memory for a point on a timeline, to be allocated before that can no longer fail.
///
/// # Invariants
///
/// Allocated by C and not used yet.
pub struct FenceChain(NonNull<bindings::dma_fence_chain>);

// SAFETY: memory that nobody else knows.
unsafe impl Send for FenceChain {}
// SAFETY: there is nothing to do with a shared reference.
unsafe impl Sync for FenceChain {}

impl FenceChain {
    /// Allocates it (`dma_fence_chain_alloc()`). Sleeps.
    pub fn new() -> Result<Self> {
        // SAFETY: it allocates.
        let raw = unsafe { bindings::nova_dma_fence_chain_alloc() };
        Ok(Self(NonNull::new(raw).ok_or(ENOMEM)?))
    }
}

impl Drop for FenceChain {
    fn drop(&mut self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_dma_fence_chain_free(self.0.as_ptr()) };
    }
}
