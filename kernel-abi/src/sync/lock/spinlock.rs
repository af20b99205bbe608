// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Locks whose holders do not sleep.
//!
//! C header: `include/linux/spinlock.h`.

use super::{Guard, Lock, SpinLockBackend, SpinLockIrqBackend};

/// A lock whose holder does not sleep (`spinlock_t`); not for data that an interrupt handler
/// takes too. Under PREEMPT_RT taking it may sleep: then not with interrupts off, nor in a hard interrupt.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, new_spinlock, sync::SpinLock};
/// use std::pin::Pin;
///
/// let free: Pin<KBox<SpinLock<u32>>> = KBox::pin_init(new_spinlock!(0xff, "free"), GFP_KERNEL)?;
/// *free.lock() &= !1;
/// assert_eq!(*free.lock(), 0xfe);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
pub type SpinLock<T> = Lock<T, SpinLockBackend>;

/// The [`Guard`] of a [`SpinLock`].
pub type SpinLockGuard<'a, T> = Guard<'a, T, SpinLockBackend>;

/// A spinlock that keeps interrupts off while it is held (`spin_lock_irqsave()`), for data shared with an interrupt
/// handler. Any context; under PREEMPT_RT as [`SpinLock`], as handlers are tasks there.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, new_spinlock_irq, sync::SpinLockIrq};
/// use std::pin::Pin;
///
/// let pending: Pin<KBox<SpinLockIrq<u32>>> = KBox::pin_init(new_spinlock_irq!(0, "pending"), GFP_KERNEL)?;
/// *pending.lock() |= 1 << 3;
/// assert_eq!(*pending.lock(), 8);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
pub type SpinLockIrq<T> = Lock<T, SpinLockIrqBackend>;

/// The [`Guard`] of a [`SpinLockIrq`]; it holds the interrupt flags to go back to.
pub type SpinLockIrqGuard<'a, T> = Guard<'a, T, SpinLockIrqBackend>;

/// Initialises a [`SpinLock`]: value and, if it is not to be the place, name. See there for an example.
#[macro_export]
macro_rules! new_spinlock {
    ($value:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::SpinLock::new(
            $value,
            $crate::optional_name!($($name)?),
            $crate::static_lock_class!(),
        )
    };
}

/// Initialises a [`SpinLockIrq`]: value and, if it is not to be the place, name. See there for an example.
#[macro_export]
macro_rules! new_spinlock_irq {
    ($value:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::SpinLockIrq::new(
            $value,
            $crate::optional_name!($($name)?),
            $crate::static_lock_class!(),
        )
    };
}
