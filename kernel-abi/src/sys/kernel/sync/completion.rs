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

/// `struct completion`
///
/// # Invariants
///
/// `inner` is initialised and does not move.
#[pin_data]
pub struct RawCompletion {
    #[pin]
    inner: Opaque<bindings::completion>,
}

// SAFETY: C's completions may be used from any task.
unsafe impl Send for RawCompletion {}
// SAFETY: C's completions do their own locking.
unsafe impl Sync for RawCompletion {}

impl RawCompletion {
    /// `init_completion()`
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: the slot is valid for writes.
            inner <- Opaque::ffi_init(|slot| unsafe { bindings::nova_init_completion(slot) }),
        })
    }

    /// `complete()`
    pub fn complete(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::complete(self.inner.get()) };
    }

    /// `complete_all()`
    pub fn complete_all(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::complete_all(self.inner.get()) };
    }

    /// `wait_for_completion()`
    pub fn wait(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::wait_for_completion(self.inner.get()) };
    }

    /// `wait_for_completion_killable()`
    pub fn wait_killable(&self) -> Result {
        // SAFETY: by the type invariant.
        to_result(unsafe { bindings::wait_for_completion_killable(self.inner.get()) })
    }
}
