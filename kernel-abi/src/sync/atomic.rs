// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Atomic values.
//!
//! Follows `rust/kernel/sync/atomic.rs` of Linux: the memory model is the kernel's, in which a read-modify-write that is
//! [`Full`] has a full barrier on both sides. C header: `include/linux/atomic.h`. Any context.
//!
//! Both homes are x86-64 and use the instructions that C's operations are made of, inline, rather than a call to a C
//! helper for each.

mod ordering;
#[cfg(all(test, home = "hosted"))]
mod tests;
mod types;

pub use ordering::{
    Acquire, AcquireOrRelaxed, Full, Ordering, OrderingType, Relaxed, Release, ReleaseOrRelaxed,
};
pub use types::{AtomicAdd, AtomicType};

use crate::sys::atomic::{AtomicCell, AtomicImpl, AtomicNumber};
use types::{from_repr, into_repr};

/// An atomic value (`atomic_t`, `atomic64_t` and, for other types, what `READ_ONCE()` and `xchg()` do).
///
/// The ordering is a value: [`Relaxed`], [`Acquire`], [`Release`] or [`Full`].
///
/// ```
/// use kernel_abi::sync::atomic::{Acquire, Atomic, Full, Relaxed, Release};
///
/// let users = Atomic::new(1i32);
/// users.add(2, Relaxed);
/// assert_eq!(users.fetch_add(1, Full), 3);
/// assert_eq!(users.fetch_sub(4, Release), 4);
/// assert_eq!(users.load(Acquire), 0);
///
/// let ready = Atomic::new(false);
/// ready.store(true, Release);
/// assert!(ready.xchg(false, Full));
///
/// let owner = Atomic::new(0u64);
/// assert_eq!(owner.cmpxchg(0, 7, Acquire), Ok(0));
/// assert_eq!(owner.cmpxchg(0, 8, Acquire), Err(7));
/// ```
#[repr(transparent)]
pub struct Atomic<T: AtomicType>(AtomicCell<T::Repr>);

impl<T: AtomicType> Atomic<T> {
    crate::const_unless_loom! {
        /// An atomic `value`.
        pub const fn new(value: T) -> Self {
            Self(AtomicCell::new(into_repr(value)))
        }
    }

    /// The value (`atomic_read()`, `atomic_read_acquire()`).
    #[inline]
    pub fn load<O: AcquireOrRelaxed>(&self, _: O) -> T {
        // SAFETY: only values of `T` are stored.
        from_repr(T::Repr::load(&self.0, O::TYPE))
    }

    /// Changes the value (`atomic_set()`, `atomic_set_release()`).
    #[inline]
    pub fn store<O: ReleaseOrRelaxed>(&self, value: T, _: O) {
        T::Repr::store(&self.0, into_repr(value), O::TYPE);
    }

    /// Changes the value and returns the old one (`atomic_xchg()`).
    #[inline]
    pub fn xchg<O: Ordering>(&self, value: T, _: O) -> T {
        from_repr(T::Repr::xchg(&self.0, into_repr(value), O::TYPE))
    }

    /// Changes the value if it is `old` (`atomic_try_cmpxchg()`); returns what it was, as an error when that is something
    /// else. Then nothing is ordered.
    #[inline]
    pub fn cmpxchg<O: Ordering>(&self, old: T, new: T, _: O) -> Result<T, T> {
        T::Repr::cmpxchg(&self.0, into_repr(old), into_repr(new), O::TYPE)
            .map(from_repr)
            .map_err(from_repr)
    }

    /// Adds to the value (`atomic_add()`), wrapping.
    #[inline]
    pub fn add<Rhs>(&self, value: Rhs, _: Relaxed)
    where
        T: AtomicAdd<Rhs>,
        T::Repr: AtomicNumber,
    {
        T::Repr::fetch_add(&self.0, T::into_delta(value), OrderingType::Relaxed);
    }

    /// Adds to the value (`atomic_fetch_add()`), wrapping, and returns the old one.
    #[inline]
    pub fn fetch_add<Rhs, O: Ordering>(&self, value: Rhs, _: O) -> T
    where
        T: AtomicAdd<Rhs>,
        T::Repr: AtomicNumber,
    {
        from_repr(T::Repr::fetch_add(&self.0, T::into_delta(value), O::TYPE))
    }

    /// Takes from the value (`atomic_fetch_sub()`), wrapping, and returns the old one.
    #[inline]
    pub fn fetch_sub<Rhs, O: Ordering>(&self, value: Rhs, _: O) -> T
    where
        T: AtomicAdd<Rhs>,
        T::Repr: AtomicNumber,
    {
        from_repr(T::Repr::fetch_sub(&self.0, T::into_delta(value), O::TYPE))
    }
}

impl<T: AtomicType + core::fmt::Debug> core::fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.load(Relaxed).fmt(f)
    }
}
