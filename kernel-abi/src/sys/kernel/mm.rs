// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces of processes.
//!
//! C headers: `include/linux/mm_types.h`, `include/linux/sched/mm.h`, `include/linux/mmap_lock.h`. Areas (`VmaRef` upstream)
//! are not offered: `lock_vma_under_rcu()` is not exported by 6.12, and nothing here looks at them.

use super::bindings;
use crate::types::{ARef, AlwaysRefCounted, NotThreadSafe, Opaque};
use core::{ops::Deref, ptr::NonNull};

/// An address space (`struct mm_struct`), which may have lost its last user: then the structure alone is left.
///
/// # Invariants
///
/// The value lives where C made it, and `mm_count` is not zero for as long as it is referred to.
#[repr(transparent)]
pub struct Mm {
    mm: Opaque<bindings::mm_struct>,
}

// SAFETY: everything offered here may be called by any task.
unsafe impl Send for Mm {}
// SAFETY: as above.
unsafe impl Sync for Mm {}

// SAFETY: C frees the structure with its last count.
unsafe impl AlwaysRefCounted for Mm {
    fn inc_ref(&self) {
        // SAFETY: a shared reference has a count.
        unsafe { bindings::nova_mmgrab(self.as_raw()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_mmdrop(this.cast().as_ptr()) };
    }
}

impl Mm {
    /// The address of the C structure.
    pub const fn as_raw(&self) -> *mut bindings::mm_struct {
        self.mm.get()
    }

    /// Wraps C's.
    ///
    /// # Safety
    ///
    /// `ptr` is an address space whose `mm_count` is not zero during `'a`.
    pub const unsafe fn from_raw<'a>(ptr: *const bindings::mm_struct) -> &'a Self {
        // SAFETY: by this function's contract.
        unsafe { &*ptr.cast() }
    }

    /// Becomes a user, unless the last one is gone (`mmget_not_zero()`). Any context; dropping the user may sleep.
    pub fn mmget_not_zero(&self) -> Option<ARef<MmWithUser>> {
        // SAFETY: by the type invariant.
        let there = unsafe { bindings::nova_mmget_not_zero(self.as_raw()) };
        let user = NonNull::from(self).cast();
        // SAFETY: the user that was just added.
        there.then(|| unsafe { ARef::from_raw(user) })
    }
}

/// An address space that has a user, so that its mappings are there.
///
/// Its references count users: dropping the last one takes the mappings down, which sleeps.
///
/// # Invariants
///
/// As [`Mm`], and `mm_users` is not zero.
#[repr(transparent)]
pub struct MmWithUser {
    mm: Mm,
}

// SAFETY: as for `Mm`.
unsafe impl Send for MmWithUser {}
// SAFETY: as for `Mm`.
unsafe impl Sync for MmWithUser {}

// SAFETY: users hold the structure too.
unsafe impl AlwaysRefCounted for MmWithUser {
    fn inc_ref(&self) {
        // SAFETY: a shared reference has a user.
        unsafe { bindings::nova_mmget(self.as_raw()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: by this function's contract.
        unsafe { bindings::mmput(this.cast().as_ptr()) };
    }
}

impl Deref for MmWithUser {
    type Target = Mm;

    fn deref(&self) -> &Mm {
        &self.mm
    }
}

impl MmWithUser {
    /// Wraps C's.
    ///
    /// # Safety
    ///
    /// `ptr` is an address space whose `mm_users` is not zero during `'a`.
    pub const unsafe fn from_raw<'a>(ptr: *const bindings::mm_struct) -> &'a Self {
        // SAFETY: by this function's contract.
        unsafe { &*ptr.cast() }
    }

    /// Keeps the mappings as they are until the guard is dropped (`mmap_read_lock()`). Sleeps.
    pub fn mmap_read_lock(&self) -> MmapReadGuard<'_> {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_mmap_read_lock(self.as_raw()) };
        MmapReadGuard {
            mm: self,
            _not_thread_safe: NotThreadSafe,
        }
    }

    /// As [`MmWithUser::mmap_read_lock`], unless that would have to wait. Does not sleep.
    pub fn mmap_read_trylock(&self) -> Option<MmapReadGuard<'_>> {
        // SAFETY: by the type invariant.
        let taken = unsafe { bindings::nova_mmap_read_trylock(self.as_raw()) };
        taken.then_some(MmapReadGuard {
            mm: self,
            _not_thread_safe: NotThreadSafe,
        })
    }
}

/// Holds an address space's mappings as they are.
///
/// # Invariants
///
/// The lock is held for reading, by this task.
#[must_use = "the mappings may change again as soon as it is dropped"]
pub struct MmapReadGuard<'a> {
    mm: &'a MmWithUser,
    _not_thread_safe: NotThreadSafe,
}

impl Drop for MmapReadGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_mmap_read_unlock(self.mm.as_raw()) };
    }
}
