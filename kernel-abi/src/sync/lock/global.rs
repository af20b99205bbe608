// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Locks that are statics.
//!
//! Follows `rust/kernel/sync/lock/global.rs` of Linux.
#![allow(unsafe_code)] // locks that must be initialised before they are used

use super::{Backend, Guard, Lock, LockClassKey};
use crate::types::Opaque;
use core::{
    cell::UnsafeCell,
    ffi::CStr,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    pin::Pin,
};

/// What [`global_lock!`](crate::global_lock) says of a lock.
pub trait GlobalLockBackend {
    /// The name that lockdep shows.
    const NAME: &'static CStr;
    /// What the lock protects.
    type Item: 'static;
    /// How it locks.
    type Backend: Backend + 'static;

    /// Its class.
    fn get_lock_class() -> Pin<&'static LockClassKey>;
}

/// A static lock, made by [`global_lock!`](crate::global_lock). Sleeps as its kind does.
pub struct GlobalLock<B: GlobalLockBackend> {
    inner: Lock<B::Item, B::Backend>,
}

impl<B: GlobalLockBackend> GlobalLock<B> {
    /// A lock that is not initialised.
    ///
    /// # Safety
    ///
    /// The value is that of a static, the only one for `B`, and [`GlobalLock::init`] is called before anything else.
    pub const unsafe fn new(data: B::Item) -> Self {
        Self {
            inner: Lock {
                state: Opaque::uninit(),
                data: UnsafeCell::new(data),
            },
        }
    }

    /// Initialises the lock. Does not sleep.
    ///
    /// # Safety
    ///
    /// Called once, before the lock is used.
    pub unsafe fn init(&'static self) {
        let (slot, class) = (self.inner.state.get(), B::get_lock_class());
        // SAFETY: all three are static, and nobody uses the lock yet.
        unsafe { B::Backend::init(slot, B::NAME.as_ptr(), class.as_ptr()) };
    }

    /// Waits for the lock and takes it.
    pub fn lock(&'static self) -> GlobalGuard<B> {
        GlobalGuard {
            inner: self.inner.lock(),
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&'static self) -> Option<GlobalGuard<B>> {
        Some(GlobalGuard {
            inner: self.inner.try_lock()?,
        })
    }
}

/// Shows that a [`GlobalLock`] is held.
#[must_use = "the lock is given up at once when the guard is not kept"]
pub struct GlobalGuard<B: GlobalLockBackend> {
    inner: Guard<'static, B::Item, B::Backend>,
}

impl<B: GlobalLockBackend> Deref for GlobalGuard<B> {
    type Target = B::Item;

    fn deref(&self) -> &B::Item {
        &self.inner
    }
}

impl<B: GlobalLockBackend> DerefMut for GlobalGuard<B>
where
    B::Item: Unpin,
{
    fn deref_mut(&mut self) -> &mut B::Item {
        &mut self.inner
    }
}

/// A value somewhere else that a [`GlobalLock`] protects.
///
/// ```
/// use kernel_abi::{global_lock, sync::GlobalLockedBy};
///
/// global_lock! {
///     // SAFETY: `main` initialises it first.
///     unsafe(uninit) static TABLE: Mutex<()> = ();
/// }
///
/// struct Entry {
///     uses: GlobalLockedBy<u32, TABLE>,
/// }
///
/// // SAFETY: once, before it is used.
/// unsafe { TABLE.init() };
/// let mut entry = Entry { uses: GlobalLockedBy::new(1) };
/// {
///     let mut guard = TABLE.lock();
///     *entry.uses.as_mut(&mut guard) += 1;
///     assert_eq!(*entry.uses.as_ref(&guard), 2);
/// }
/// assert_eq!(*entry.uses.get_mut(), 2);
/// ```
pub struct GlobalLockedBy<T: ?Sized, B: GlobalLockBackend> {
    _lock: PhantomData<B>,
    value: UnsafeCell<T>,
}

// SAFETY: it owns the value.
unsafe impl<T: Send + ?Sized, B: GlobalLockBackend> Send for GlobalLockedBy<T, B> {}
// SAFETY: the lock gives access to one at a time.
unsafe impl<T: Send + ?Sized, B: GlobalLockBackend> Sync for GlobalLockedBy<T, B> {}

impl<T, B: GlobalLockBackend> GlobalLockedBy<T, B> {
    /// A value that `B`'s lock protects.
    pub const fn new(value: T) -> Self {
        Self {
            _lock: PhantomData,
            value: UnsafeCell::new(value),
        }
    }
}

impl<T: ?Sized, B: GlobalLockBackend> GlobalLockedBy<T, B> {
    /// The value, while the lock is held.
    pub fn as_ref<'a>(&'a self, _guard: &'a GlobalGuard<B>) -> &'a T {
        // SAFETY: the one lock for `B` is held, and its guard is not changed through meanwhile.
        unsafe { &*self.value.get() }
    }

    /// The value, to change it, while the lock is held.
    #[allow(clippy::mut_from_ref)] // the guard is what is borrowed alone
    pub fn as_mut<'a>(&'a self, _guard: &'a mut GlobalGuard<B>) -> &'a mut T {
        // SAFETY: the one lock for `B` is held, and its guard is borrowed alone.
        unsafe { &mut *self.value.get() }
    }

    /// The value, without the lock: nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// Declares a static lock: `Mutex`, `SpinLock` or `SpinLockIrq`. The name is that of the static, and of a type, the [`GlobalLockBackend`].
///
/// A static's lock cannot be initialised by itself: the user promises, with `unsafe(uninit)`, to call
/// [`GlobalLock::init`](crate::sync::GlobalLock::init) first, in a module's `init`.
///
/// ```
/// use kernel_abi::{global_lock, sync::GlobalGuard};
///
/// global_lock! {
///     /// Devices so far.
///     // SAFETY: `main` initialises it first.
///     unsafe(uninit) static DEVICES: SpinLock<u32> = 7;
/// }
///
/// fn next(devices: &mut GlobalGuard<DEVICES>) -> u32 {
///     **devices += 1;
///     **devices
/// }
///
/// // SAFETY: once, before it is used.
/// unsafe { DEVICES.init() };
/// let mut guard = DEVICES.lock();
/// assert_eq!(next(&mut guard), 8);
/// assert!(DEVICES.try_lock().is_none());
/// ```
#[macro_export]
macro_rules! global_lock {
    {
        $(#[$meta:meta])* $vis:vis
        unsafe(uninit) static $name:ident: $kind:ident<$value_type:ty> = $value:expr;
    } => {
        #[doc = ::core::concat!("The lock `", ::core::stringify!($name), "` as a type.")]
        #[allow(non_camel_case_types, unreachable_pub, clippy::upper_case_acronyms)]
        $vis enum $name {}

        impl $crate::sync::GlobalLockBackend for $name {
            const NAME: &'static ::core::ffi::CStr =
                $crate::optional_name!(::core::stringify!($name));
            type Item = $value_type;
            type Backend = $crate::global_lock_inner!(backend $kind);

            fn get_lock_class() -> ::core::pin::Pin<&'static $crate::sync::LockClassKey> {
                $crate::static_lock_class!()
            }
        }

        $(#[$meta])*
        #[allow(unsafe_code)] // the user said `unsafe`
        $vis static $name: $crate::sync::GlobalLock<$name> = {
            // Not within the unsafe block.
            let value: $value_type = $value;
            // SAFETY: the user promises to initialise it, and this is the one static for the type.
            unsafe { $crate::sync::GlobalLock::new(value) }
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! global_lock_inner {
    (backend Mutex) => {
        $crate::sync::MutexBackend
    };
    (backend SpinLock) => {
        $crate::sync::SpinLockBackend
    };
    (backend SpinLockIrq) => {
        $crate::sync::SpinLockIrqBackend
    };
}
