// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Completions.
//!
//! C header: `include/linux/completion.h`.

use super::bindings;
use crate::{
    error::{to_result, Result},
    types::Opaque,
};
use pinned_init::{pin_data, pin_init, PinInit};

/// Wakes waiters once something has happened.
///
/// # Invariants
///
/// `inner` is initialised and does not move.
#[pin_data]
pub struct Completion {
    #[pin]
    inner: Opaque<bindings::completion>,
}

// SAFETY: C's completions may be used from any task.
unsafe impl Send for Completion {}
// SAFETY: C's completions do their own locking.
unsafe impl Sync for Completion {}

impl Completion {
    /// A completion that nobody has signalled yet.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: the slot is valid for writes.
            inner <- Opaque::ffi_init(|slot| unsafe { bindings::nova_init_completion(slot) }),
        })
    }

    /// Signals one waiter, now or in the future. Any context.
    pub fn complete(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::complete(self.inner.get()) };
    }

    /// Waits until signalled. Sleeps; ends early with `EINTR` (as `ERESTARTSYS`) when the task
    /// is being killed.
    pub fn wait_killable(&self) -> Result {
        // SAFETY: by the type invariant.
        to_result(unsafe { bindings::wait_for_completion_killable(self.inner.get()) })
    }
}
