// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A value that is set once.
//!
//! Follows `rust/kernel/sync/set_once.rs` of Linux.
#![allow(unsafe_code)] // memory that may not be initialised

use super::atomic::{Acquire, Atomic, Relaxed, Release};
use core::{cell::UnsafeCell, mem::MaybeUninit};

/// A value that is set at most once and is read without a lock afterwards. Never sleeps; any context.
///
/// ```
/// use kernel_abi::sync::SetOnce;
///
/// static LIMIT: SetOnce<u32> = SetOnce::new();
/// assert_eq!(LIMIT.as_ref(), None);
/// assert!(LIMIT.populate(1024));
/// assert!(!LIMIT.populate(7), "it is set");
/// assert_eq!(LIMIT.copy(), Some(1024));
/// ```
///
/// # Invariants
///
/// `state` goes from `EMPTY` to `BUSY` and then to `SET`, never back. `value` is written by who made it `BUSY`, and is valid,
/// and not changed, once it is `SET`.
pub struct SetOnce<T> {
    state: Atomic<u32>,
    value: UnsafeCell<MaybeUninit<T>>,
}

const EMPTY: u32 = 0;
const BUSY: u32 = 1;
const SET: u32 = 2;

// SAFETY: it owns its value.
unsafe impl<T: Send> Send for SetOnce<T> {}
// SAFETY: who sets the value gives it away, and then all share it.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}

impl<T> SetOnce<T> {
    crate::const_unless_loom! {
        /// Without a value.
        pub const fn new() -> Self {
            Self {
                state: Atomic::new(EMPTY),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    /// The value, if it has been set. What its setter did before is seen with it.
    pub fn as_ref(&self) -> Option<&T> {
        // SAFETY: by the type invariant; the load is ordered after the setter's store.
        (self.state.load(Acquire) == SET).then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// A copy of the value, if it has been set.
    pub fn copy(&self) -> Option<T>
    where
        T: Copy,
    {
        self.as_ref().copied()
    }

    /// Sets the value. False when somebody has set it, or is about to; then `value` is dropped.
    pub fn populate(&self, value: T) -> bool {
        if self.state.cmpxchg(EMPTY, BUSY, Relaxed).is_err() {
            return false;
        }
        // SAFETY: by the type invariant the value is this caller's alone.
        unsafe { (*self.value.get()).write(value) };
        self.state.store(SET, Release);
        true
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for SetOnce<T> {
    fn drop(&mut self) {
        // Whoever made it `&mut` has ordered this after the setter.
        if self.state.load(Relaxed) == SET {
            // SAFETY: by the type invariant; this is the end of it.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
