// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Locks, waiting, shared ownership, atomics.
//!
//! Follows `rust/kernel/sync` of Linux. What is generic is written once; what differs between homes and
//! kinds of lock is a [`Backend`] or lies in the seam.
//!
//! | item | C | may sleep |
//! |---|---|---|
//! | [`Mutex`] | `struct mutex` | yes, and its holder too |
//! | [`SpinLock`] | `spinlock_t`, `spin_lock()` | not on most kernels; under PREEMPT_RT |
//! | [`SpinLockIrq`] | `spinlock_t`, `spin_lock_irqsave()` | as above |
//! | [`GlobalLock`], [`global_lock!`] | a static lock | as its kind |
//! | [`CondVar`] | `wait_queue_head_t` | waiting: yes; notifying: no |
//! | [`Completion`] | `struct completion` | waiting: yes; completing: no |
//! | [`Arc`], [`UniqueArc`], [`ArcBorrow`] | a structure with a `refcount_t` | no |
//! | [`Refcount`] | `refcount_t` | no |
//! | [`SetOnce`] | a pointer that is set once with `cmpxchg()` | no |
//! | [`atomic`] | `atomic_t` and its kin | no |
//! | [`barrier`] | `smp_mb()` and its kin | no |
//! | [`rcu`] | `rcu_read_lock()` | the holder must not |
//!
//! Lockdep knows every lock by its name and its class: see [`LockClassKey`].

pub mod arc;
pub mod atomic;
pub mod barrier;
pub mod completion;
pub mod condvar;
pub mod lock;
mod lock_class;
mod locked_by;
pub mod rcu;
mod refcount;
mod set_once;
#[cfg(all(test, home = "hosted"))]
mod tests;

/// Counted references, by the name that they have in Linux; see [`types`](crate::types).
pub mod aref {
    pub use crate::types::{ARef, AlwaysRefCounted};
}

pub use crate::{
    global_lock, new_condvar, new_mutex, new_spinlock, new_spinlock_irq, static_lock_class,
};
pub use arc::{Arc, ArcBorrow, UniqueArc};
pub use completion::Completion;
pub use condvar::{CondVar, CondVarTimeoutResult};
pub use lock::{
    global::{GlobalGuard, GlobalLock, GlobalLockBackend, GlobalLockedBy},
    Backend, Guard, Lock, Mutex, MutexBackend, MutexGuard, SpinLock, SpinLockBackend,
    SpinLockGuard, SpinLockIrq, SpinLockIrqBackend, SpinLockIrqGuard,
};
pub use lock_class::LockClassKey;
pub use locked_by::LockedBy;
pub use refcount::Refcount;
pub use set_once::SetOnce;

#[allow(unused_imports)] // empty in the hosted home
pub use crate::sys::sync::exports::*;
