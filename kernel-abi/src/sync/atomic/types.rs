// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which types can be atomic.
#![allow(unsafe_code)] // reads a value as one of another type

use crate::sys::atomic::{AtomicImpl, AtomicNumber};
use core::mem::transmute_copy;

/// A type that can be atomic.
///
/// ```
/// use kernel_abi::sync::atomic::{Atomic, AtomicType, Relaxed};
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// #[repr(i32)]
/// enum State { Idle, Busy }
///
/// // SAFETY: it has an i32's layout, and no other values are stored.
/// unsafe impl AtomicType for State {
///     type Repr = i32;
/// }
///
/// let state = Atomic::new(State::Idle);
/// assert_eq!(state.xchg(State::Busy, Relaxed), State::Idle);
/// assert_eq!(state.load(Relaxed), State::Busy);
/// ```
///
/// # Safety
///
/// The type has `Repr`'s size and alignment, has no bytes that are not initialised, and may go to other tasks.
pub unsafe trait AtomicType: Copy {
    /// The integer that stands for it: `i8`, `i16`, `i32` or `i64`.
    type Repr: AtomicImpl;
}

/// A type that `Rhs` can be added to atomically.
///
/// ```
/// use kernel_abi::sync::atomic::{Atomic, Relaxed};
///
/// let bytes = Atomic::new(u64::MAX);
/// assert_eq!(bytes.fetch_add(2u64, Relaxed), u64::MAX);
/// assert_eq!(bytes.load(Relaxed), 1, "it wraps");
/// ```
///
/// # Safety
///
/// The integer that stands for a value, wrapping, stands for a value too after `into_delta`'s result is added.
pub unsafe trait AtomicAdd<Rhs = Self>: AtomicType<Repr: AtomicNumber> {
    /// What to add to the integer.
    fn into_delta(value: Rhs) -> Self::Repr;
}

pub(super) const fn into_repr<T: AtomicType>(value: T) -> T::Repr {
    const { assert!(size_of::<T>() == size_of::<T::Repr>()) };
    // SAFETY: the same size, without bytes that are not initialised, and any integer is valid.
    unsafe { transmute_copy(&value) }
}

/// `repr` came from [`into_repr`] or from an addition that [`AtomicAdd`] allows.
pub(super) const fn from_repr<T: AtomicType>(repr: T::Repr) -> T {
    const { assert!(size_of::<T>() == size_of::<T::Repr>()) };
    // SAFETY: the integer stands for a value: only this module makes them.
    unsafe { transmute_copy(&repr) }
}

macro_rules! atomic_types {
    ($($type:ty as $repr:ty;)*) => {
        $(
            // SAFETY: the sizes and alignments are the same on x86-64.
            unsafe impl AtomicType for $type {
                type Repr = $repr;
            }
        )*
    };
}

atomic_types! {
    bool as i8;
    i8 as i8;
    u8 as i8;
    i16 as i16;
    u16 as i16;
    i32 as i32;
    u32 as i32;
    i64 as i64;
    u64 as i64;
    isize as i64;
    usize as i64;
}

macro_rules! atomic_add {
    ($($type:ty as $repr:ty;)*) => {
        $(
            // SAFETY: any integer is a value.
            unsafe impl AtomicAdd for $type {
                fn into_delta(value: Self) -> $repr {
                    value as $repr
                }
            }
        )*
    };
}

atomic_add! {
    i32 as i32;
    u32 as i32;
    i64 as i64;
    u64 as i64;
    isize as i64;
    usize as i64;
}
