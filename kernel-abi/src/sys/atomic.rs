// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Atomic integers, in the kernel's memory model, with the operations of `core`.
//!
//! On x86-64 each is the instruction that C's is. What `Full` adds to `SeqCst` there is for the compiler: the fences.

use crate::sync::atomic::OrderingType;
use core::{
    cell::UnsafeCell,
    sync::atomic::{fence, Ordering},
};

/// An integer that is only used atomically.
#[repr(transparent)]
pub struct AtomicCell<R>(UnsafeCell<R>);

// SAFETY: used only by the atomic operations below.
unsafe impl<R: AtomicImpl> Sync for AtomicCell<R> {}

impl<R> AtomicCell<R> {
    /// An atomic `value`.
    pub const fn new(value: R) -> Self {
        Self(UnsafeCell::new(value))
    }
}

/// An integer that has atomic operations.
pub trait AtomicImpl: Copy + Send {
    /// Reads.
    fn load(cell: &AtomicCell<Self>, order: OrderingType) -> Self;
    /// Writes.
    fn store(cell: &AtomicCell<Self>, value: Self, order: OrderingType);
    /// Exchanges.
    fn xchg(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self;
    /// Exchanges if it is `old`.
    fn cmpxchg(
        cell: &AtomicCell<Self>,
        old: Self,
        new: Self,
        order: OrderingType,
    ) -> Result<Self, Self>;
}

/// An integer that has atomic arithmetic, too.
pub trait AtomicNumber: AtomicImpl {
    /// Adds, wrapping; returns the old value.
    fn fetch_add(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self;
    /// Takes off, wrapping; returns the old value.
    fn fetch_sub(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self;
}

/// Runs a read-modify-write with its ordering. On x86-64 it is a full barrier by itself; the compiler must know.
#[inline]
fn ordered<R>(order: OrderingType, operation: impl FnOnce(Ordering) -> R) -> R {
    match order {
        OrderingType::Relaxed => operation(Ordering::Relaxed),
        OrderingType::Acquire => operation(Ordering::Acquire),
        OrderingType::Release => operation(Ordering::Release),
        OrderingType::Full => {
            core::sync::atomic::compiler_fence(Ordering::SeqCst);
            let result = operation(Ordering::SeqCst);
            core::sync::atomic::compiler_fence(Ordering::SeqCst);
            result
        }
    }
}

macro_rules! atomic_impl {
    ($($int:ty: $atomic:ident;)*) => {
        $(
            impl AtomicCell<$int> {
                #[inline]
                fn atomic(&self) -> &core::sync::atomic::$atomic {
                    // SAFETY: valid and aligned as long as the cell, and only used atomically.
                    unsafe { core::sync::atomic::$atomic::from_ptr(self.0.get()) }
                }
            }

            impl AtomicImpl for $int {
                #[inline]
                fn load(cell: &AtomicCell<Self>, order: OrderingType) -> Self {
                    match order {
                        OrderingType::Relaxed => cell.atomic().load(Ordering::Relaxed),
                        _ => cell.atomic().load(Ordering::Acquire),
                    }
                }

                #[inline]
                fn store(cell: &AtomicCell<Self>, value: Self, order: OrderingType) {
                    match order {
                        OrderingType::Relaxed => cell.atomic().store(value, Ordering::Relaxed),
                        _ => cell.atomic().store(value, Ordering::Release),
                    }
                }

                #[inline]
                fn xchg(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self {
                    ordered(order, |order| cell.atomic().swap(value, order))
                }

                #[inline]
                fn cmpxchg(
                    cell: &AtomicCell<Self>,
                    old: Self,
                    new: Self,
                    order: OrderingType,
                ) -> Result<Self, Self> {
                    ordered(order, |order| {
                        cell.atomic().compare_exchange(old, new, order, Ordering::Relaxed)
                    })
                }
            }
        )*
    };
}

macro_rules! atomic_number {
    ($($int:ty)*) => {
        $(
            impl AtomicNumber for $int {
                #[inline]
                fn fetch_add(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self {
                    ordered(order, |order| cell.atomic().fetch_add(value, order))
                }

                #[inline]
                fn fetch_sub(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self {
                    ordered(order, |order| cell.atomic().fetch_sub(value, order))
                }
            }
        )*
    };
}

atomic_impl! {
    i8: AtomicI8;
    i16: AtomicI16;
    i32: AtomicI32;
    i64: AtomicI64;
}
atomic_number!(i32 i64);

/// A fence, for the hosted home.
#[allow(dead_code)] // the kernel home has C's
pub(in crate::sys) fn fence_of(order: Ordering) {
    fence(order);
}
