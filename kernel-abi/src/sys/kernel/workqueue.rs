// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Work items.
//!
//! C header: `include/linux/workqueue.h`.

use super::bindings;
use crate::{sync::Arc, time::Jiffies, types::Opaque};
use core::{mem::offset_of, pin::Pin};
use pinned_init::{pin_data, pin_init, pinned_drop, PinInit};

/// What a [`Work`] does.
pub trait WorkItem: Send + Sync + 'static {
    /// Runs in process context, may sleep, one call at a time.
    fn run(&self);
}

/// A work item that runs its target; dropping it waits for a run that is under way.
///
/// # Invariants
///
/// `inner` is initialised with [`Work::trampoline`] and does not move.
#[pin_data(PinnedDrop)]
pub struct Work<T: WorkItem> {
    #[pin]
    inner: Opaque<bindings::work_struct>,
    target: Arc<T>,
}

// SAFETY: C's work items may be queued and cancelled by any task.
unsafe impl<T: WorkItem> Send for Work<T> {}
// SAFETY: queueing is atomic in C.
unsafe impl<T: WorkItem> Sync for Work<T> {}

impl<T: WorkItem> Work<T> {
    /// A work item for `target`.
    pub fn new(target: Arc<T>) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: the slot is valid for writes.
            inner <- unsafe {
                pinned_init::pin_init_from_closure(|slot: *mut Opaque<bindings::work_struct>| {
                    bindings::nova_init_work(slot.cast(), Some(Self::trampoline));
                    Ok::<(), core::convert::Infallible>(())
                })
            },
            target,
        })
    }

    /// Queues the item unless it is queued already. Any context.
    pub fn schedule(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_schedule_work(self.inner.get()) };
    }

    /// # Safety
    ///
    /// Called by the workqueue with the item of a live [`Work`].
    unsafe extern "C" fn trampoline(work: *mut bindings::work_struct) {
        let this = work
            .wrapping_byte_sub(offset_of!(Self, inner))
            .cast::<Self>();
        // SAFETY: the item is embedded in `Self`, which waits for this run when it is dropped.
        unsafe { (*this).target.run() };
    }
}

#[pinned_drop]
impl<T: WorkItem> PinnedDrop for Work<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: by the type invariant; nobody can queue the item any more.
        unsafe { bindings::cancel_work_sync(self.inner.get()) };
    }
}

/// A work item that runs its target after a time; dropping it waits for a run that is under way.
///
/// # Invariants
///
/// `inner` is initialised with [`DelayedWork::trampoline`] and does not move.
#[pin_data(PinnedDrop)]
pub struct DelayedWork<T: WorkItem> {
    #[pin]
    inner: Opaque<bindings::delayed_work>,
    target: Arc<T>,
}

// SAFETY: C's work items may be queued and cancelled by any task.
unsafe impl<T: WorkItem> Send for DelayedWork<T> {}
// SAFETY: queueing is atomic in C.
unsafe impl<T: WorkItem> Sync for DelayedWork<T> {}

impl<T: WorkItem> DelayedWork<T> {
    /// A work item for `target`.
    pub fn new(target: Arc<T>) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: the slot is valid for writes.
            inner <- unsafe {
                pinned_init::pin_init_from_closure(|slot: *mut Opaque<bindings::delayed_work>| {
                    bindings::nova_init_delayed_work(slot.cast(), Some(Self::trampoline));
                    Ok::<(), core::convert::Infallible>(())
                })
            },
            target,
        })
    }

    /// Runs it after so many jiffies, counted anew when it is queued already (`mod_delayed_work()`). Any context.
    pub fn schedule_after(&self, delay: Jiffies) {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_mod_delayed_work(self.inner.get(), delay) };
    }

    /// # Safety
    ///
    /// Called by the workqueue with the item of a live [`DelayedWork`].
    unsafe extern "C" fn trampoline(work: *mut bindings::work_struct) {
        const { assert!(offset_of!(bindings::delayed_work, work) == 0) };
        let this = work
            .wrapping_byte_sub(offset_of!(Self, inner))
            .cast::<Self>();
        // SAFETY: the item is embedded in `Self`, which waits for this run when it is dropped.
        unsafe { (*this).target.run() };
    }
}

#[pinned_drop]
impl<T: WorkItem> PinnedDrop for DelayedWork<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: by the type invariant; nobody can queue the item any more.
        unsafe { bindings::cancel_delayed_work_sync(self.inner.get()) };
    }
}
