// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `sys/atomic.rs` on loom. Every integer is kept in 64 bits, of which it is the low ones.

use crate::sync::atomic::OrderingType;
use core::{marker::PhantomData, sync::atomic::Ordering};
use loom::sync::atomic::{fence, AtomicI64};

/// An integer that is only used atomically.
pub struct AtomicCell<R>(AtomicI64, PhantomData<R>);

impl<R: AtomicImpl> AtomicCell<R> {
    /// An atomic `value`.
    pub fn new(value: R) -> Self {
        Self(AtomicI64::new(value.widen()), PhantomData)
    }
}

/// An integer that has atomic operations.
pub trait AtomicImpl: Copy + Send {
    /// As 64 bits.
    fn widen(self) -> i64;
    /// From 64 bits.
    fn narrow(value: i64) -> Self;

    /// Reads.
    fn load(cell: &AtomicCell<Self>, order: OrderingType) -> Self {
        Self::narrow(cell.0.load(match order {
            OrderingType::Relaxed => Ordering::Relaxed,
            _ => Ordering::Acquire,
        }))
    }

    /// Writes.
    fn store(cell: &AtomicCell<Self>, value: Self, order: OrderingType) {
        let order = match order {
            OrderingType::Relaxed => Ordering::Relaxed,
            _ => Ordering::Release,
        };
        cell.0.store(value.widen(), order);
    }

    /// Exchanges.
    fn xchg(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self {
        Self::narrow(ordered(order, |order| cell.0.swap(value.widen(), order)))
    }

    /// Exchanges if it is `old`.
    fn cmpxchg(
        cell: &AtomicCell<Self>,
        old: Self,
        new: Self,
        order: OrderingType,
    ) -> Result<Self, Self> {
        let (old, new) = (old.widen(), new.widen());
        ordered(order, |order| {
            cell.0.compare_exchange(old, new, order, Ordering::Relaxed)
        })
        .map(Self::narrow)
        .map_err(Self::narrow)
    }
}

/// An integer that has atomic arithmetic, too.
pub trait AtomicNumber: AtomicImpl {
    /// Adds; returns the old value.
    fn fetch_add(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self {
        Self::narrow(ordered(order, |order| {
            cell.0.fetch_add(value.widen(), order)
        }))
    }

    /// Takes off; returns the old value.
    fn fetch_sub(cell: &AtomicCell<Self>, value: Self, order: OrderingType) -> Self {
        Self::narrow(ordered(order, |order| {
            cell.0.fetch_sub(value.widen(), order)
        }))
    }
}

fn ordered<R>(order: OrderingType, operation: impl FnOnce(Ordering) -> R) -> R {
    match order {
        OrderingType::Relaxed => operation(Ordering::Relaxed),
        OrderingType::Acquire => operation(Ordering::Acquire),
        OrderingType::Release => operation(Ordering::Release),
        OrderingType::Full => {
            fence(Ordering::SeqCst);
            let result = operation(Ordering::AcqRel);
            fence(Ordering::SeqCst);
            result
        }
    }
}

macro_rules! atomic_impl {
    ($($int:ty)*) => {
        $(
            impl AtomicImpl for $int {
                fn widen(self) -> i64 {
                    self.into()
                }

                fn narrow(value: i64) -> Self {
                    value as $int
                }
            }
        )*
    };
}

atomic_impl!(i8 i16 i32 i64);
impl AtomicNumber for i32 {}
impl AtomicNumber for i64 {}

/// A fence.
pub(in crate::sys) fn fence_of(order: Ordering) {
    fence(order);
}
