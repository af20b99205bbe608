// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Locks and shared ownership.
//!
//! Follows `rust/kernel/sync` of Linux. [`Lock`] is written once; what differs between homes and
//! kinds of lock is a [`Backend`].

mod arc;
mod lock;

pub use arc::Arc;
pub use lock::{Backend, Guard, Lock, LockClassKey};

pub use crate::sys::sync::{MutexBackend, SpinLockBackend, SpinLockIrqBackend};

/// A lock whose holder may sleep. Process context only.
pub type Mutex<T> = Lock<T, MutexBackend>;
/// A lock whose holder does not sleep (under PREEMPT_RT it may); not for data that an interrupt handler
/// takes too.
pub type SpinLock<T> = Lock<T, SpinLockBackend>;
/// A spinlock that keeps interrupts off while it is held, for data shared with an interrupt
/// handler.
pub type SpinLockIrq<T> = Lock<T, SpinLockIrqBackend>;

/// A lock class of its own, which lockdep knows by the lock's name.
#[macro_export]
macro_rules! static_lock_class {
    () => {{
        static CLASS: $crate::sync::LockClassKey = $crate::sync::LockClassKey::new();
        &CLASS
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! lock_name {
    ($name:literal) => {
        match ::core::ffi::CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => c"",
        }
    };
}

/// Initialises a `Mutex`: value, name.
#[macro_export]
macro_rules! new_mutex {
    ($value:expr, $name:literal) => {
        $crate::sync::Mutex::new(
            $value,
            $crate::lock_name!($name),
            $crate::static_lock_class!(),
        )
    };
}

/// Initialises a `SpinLock`: value, name.
#[macro_export]
macro_rules! new_spinlock {
    ($value:expr, $name:literal) => {
        $crate::sync::SpinLock::new(
            $value,
            $crate::lock_name!($name),
            $crate::static_lock_class!(),
        )
    };
}

/// Initialises a `SpinLockIrq`: value, name.
#[macro_export]
macro_rules! new_spinlock_irq {
    ($value:expr, $name:literal) => {
        $crate::sync::SpinLockIrq::new(
            $value,
            $crate::lock_name!($name),
            $crate::static_lock_class!(),
        )
    };
}
