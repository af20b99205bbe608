// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What an atomic operation orders, as types.

/// Orders nothing else.
pub struct Relaxed;

/// What comes after stays after the operation's read.
pub struct Acquire;

/// What comes before stays before the operation's write.
pub struct Release;

/// A full barrier before and after the operation.
pub struct Full;

/// An [`Ordering`] as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderingType {
    /// [`Relaxed`]
    Relaxed,
    /// [`Acquire`]
    Acquire,
    /// [`Release`]
    Release,
    /// [`Full`]
    Full,
}

mod sealed {
    pub trait Sealed {}
}

/// What an operation may be asked to order. Implemented by the four types here only.
///
/// ```
/// use kernel_abi::sync::atomic::{Acquire, Atomic, Ordering, OrderingType};
///
/// fn take<O: Ordering>(flag: &Atomic<bool>, order: O) -> bool {
///     flag.xchg(false, order)
/// }
/// assert!(take(&Atomic::new(true), Acquire));
/// assert_eq!(Acquire::TYPE, OrderingType::Acquire);
/// ```
pub trait Ordering: sealed::Sealed {
    /// The type as a value.
    const TYPE: OrderingType;
}

/// What a load may be asked to order.
pub trait AcquireOrRelaxed: Ordering {}

/// What a store may be asked to order.
pub trait ReleaseOrRelaxed: Ordering {}

macro_rules! orderings {
    ($($name:ident)*) => {
        $(
            impl sealed::Sealed for $name {}
            impl Ordering for $name {
                const TYPE: OrderingType = OrderingType::$name;
            }
        )*
    };
}

orderings!(Relaxed Acquire Release Full);
impl AcquireOrRelaxed for Acquire {}
impl AcquireOrRelaxed for Relaxed {}
impl ReleaseOrRelaxed for Release {}
impl ReleaseOrRelaxed for Relaxed {}
