// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Counts that saturate.
//!
//! C header: `include/linux/refcount.h`.

use super::bindings;
use crate::{sync::atomic::Atomic, types::Opaque};

/// `refcount_t`
///
/// # Invariants
///
/// `inner` is initialised, and only used atomically.
#[repr(transparent)]
pub struct RawRefcount(Opaque<bindings::refcount_t>);

// SAFETY: C's operations are atomic.
unsafe impl Send for RawRefcount {}
// SAFETY: as above.
unsafe impl Sync for RawRefcount {}

impl RawRefcount {
    /// `REFCOUNT_INIT()`
    pub fn new(value: i32) -> Self {
        let refs = bindings::atomic_t { counter: value };
        Self(Opaque::new(bindings::refcount_struct { refs }))
    }

    /// The `atomic_t` in it.
    pub fn as_atomic(&self) -> &Atomic<i32> {
        // SAFETY: it has an int's layout and is only used atomically.
        unsafe { &*self.0.get().cast() }
    }

    /// `refcount_set()`
    pub fn set(&self, value: i32) {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_refcount_set(self.0.get(), value) };
    }

    /// `refcount_inc()`
    #[inline]
    pub fn inc(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_refcount_inc(self.0.get()) };
    }

    /// `refcount_dec()`
    #[inline]
    pub fn dec(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_refcount_dec(self.0.get()) };
    }

    /// `refcount_dec_and_test()`
    #[inline]
    pub fn dec_and_test(&self) -> bool {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_refcount_dec_and_test(self.0.get()) }
    }
}
