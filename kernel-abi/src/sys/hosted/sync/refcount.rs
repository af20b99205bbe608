// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Counts that saturate, in the way of C's `refcount_t`: the middle of the range below zero is where a count goes that
//! has overflown or was used when it was zero. There it is far from both ends, whatever others add or take meanwhile.

use crate::{
    sync::atomic::{Atomic, Relaxed, Release},
    sys::atomic::fence_of,
};
use core::sync::atomic::Ordering::Acquire;

/// `REFCOUNT_SATURATED`
const SATURATED: i32 = i32::MIN / 2;

/// A count.
#[repr(transparent)]
pub struct RawRefcount(Atomic<i32>);

impl RawRefcount {
    /// A count of `value`.
    pub fn new(value: i32) -> Self {
        Self(Atomic::new(value))
    }

    /// The number itself.
    pub fn as_atomic(&self) -> &Atomic<i32> {
        &self.0
    }

    /// Sets the count.
    pub fn set(&self, value: i32) {
        self.0.store(value, Relaxed);
    }

    /// Adds one.
    pub fn inc(&self) {
        let old = self.0.fetch_add(1, Relaxed);
        if old <= 0 || old == i32::MAX {
            self.set(SATURATED);
        }
    }

    /// Takes one off, which is not the last.
    pub fn dec(&self) {
        if self.0.fetch_sub(1, Release) <= 1 {
            self.set(SATURATED);
        }
    }

    /// Takes one off; true when it was the last.
    pub fn dec_and_test(&self) -> bool {
        match self.0.fetch_sub(1, Release) {
            1 => {
                // What other owners did comes before the end.
                fence_of(Acquire);
                true
            }
            old => {
                if old <= 0 {
                    self.set(SATURATED);
                }
                false
            }
        }
    }
}
