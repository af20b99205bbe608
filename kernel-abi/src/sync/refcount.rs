// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A count of references that cannot wrap.
//!
//! Follows `rust/kernel/sync/refcount.rs` of Linux. C header: `include/linux/refcount.h`.

use super::atomic::Atomic;
use crate::sys::sync::refcount::RawRefcount;

/// A count of references (`refcount_t`). A count that overflows, or that is used when it is zero, stays where it is for
/// ever: a leak is better than a use after free. A kernel warns of it.
///
/// Any context.
///
/// ```
/// use kernel_abi::sync::Refcount;
///
/// let count = Refcount::new(1);
/// count.inc();
/// assert!(!count.dec_and_test());
/// assert!(count.dec_and_test(), "this was the last");
/// ```
#[repr(transparent)]
pub struct Refcount(RawRefcount);

impl Refcount {
    /// A count of `value` (`refcount_set()`); not below zero.
    pub fn new(value: i32) -> Self {
        Self(RawRefcount::new(value))
    }

    /// The number itself.
    pub fn as_atomic(&self) -> &Atomic<i32> {
        self.0.as_atomic()
    }

    /// Sets the count (`refcount_set()`); orders nothing.
    pub fn set(&self, value: i32) {
        self.0.set(value);
    }

    /// Adds one (`refcount_inc()`); orders nothing, as whoever does it has a reference.
    #[inline]
    pub fn inc(&self) {
        self.0.inc();
    }

    /// Takes one off (`refcount_dec()`); what was done before is done for who takes the last one. Not for the last one,
    /// for which it saturates.
    #[inline]
    pub fn dec(&self) {
        self.0.dec();
    }

    /// Takes one off (`refcount_dec_and_test()`). True when it was the last: then all that others did before they took
    /// theirs off has been done.
    #[inline]
    #[must_use = "who takes the last one off ends the value"]
    pub fn dec_and_test(&self) -> bool {
        self.0.dec_and_test()
    }
}
