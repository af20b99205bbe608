// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Values that a lock elsewhere protects.
//!
//! Follows `rust/kernel/sync/locked_by.rs` of Linux.
#![allow(unsafe_code)] // gives out references to what a lock protects

use super::{lock::Backend, Lock};
use core::{cell::UnsafeCell, ptr};

/// A value that is protected by a lock which lies elsewhere, around `U`.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, new_mutex, sync::{LockedBy, Mutex}};
/// use std::pin::Pin;
///
/// struct Directory { bytes: u64 }
/// struct File { size: LockedBy<u64, Directory> }
///
/// let directory: Pin<KBox<Mutex<Directory>>> =
///     KBox::pin_init(new_mutex!(Directory { bytes: 0 }, "Directory"), GFP_KERNEL)?;
/// let file = File { size: LockedBy::new(&directory, 7) };
/// let mut guard = directory.lock();
/// *file.size.access_mut(&mut *guard) = 9;
/// guard.bytes += *file.size.access(&*guard);
/// assert_eq!(guard.bytes, 9);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
pub struct LockedBy<T: ?Sized, U: ?Sized> {
    owner: *const U,
    data: UnsafeCell<T>,
}

// SAFETY: it owns the value; the pointer is only compared.
unsafe impl<T: Send + ?Sized, U: ?Sized> Send for LockedBy<T, U> {}
// SAFETY: the lock gives access to one at a time.
unsafe impl<T: Send + ?Sized, U: ?Sized> Sync for LockedBy<T, U> {}

impl<T, U> LockedBy<T, U> {
    /// A value that `owner` protects.
    pub const fn new<B: Backend>(owner: &Lock<U, B>, data: T) -> Self {
        const {
            assert!(
                size_of::<U>() > 0,
                "values without size are all at one place"
            )
        };
        Self {
            owner: owner.data_ptr(),
            data: UnsafeCell::new(data),
        }
    }
}

impl<T: ?Sized, U> LockedBy<T, U> {
    /// The value, for who may share the owner's.
    ///
    /// # Panics
    ///
    /// If `owner` is another lock's value: a defect of the caller.
    pub fn access<'a>(&'a self, owner: &'a U) -> &'a T
    where
        T: Sync,
    {
        assert!(ptr::eq(owner, self.owner), "the lock of another value");
        // SAFETY: who shares the owner's value has kept out whoever may change it.
        unsafe { &*self.data.get() }
    }

    /// The value, to change it, for who has the owner's alone.
    ///
    /// # Panics
    ///
    /// As [`LockedBy::access`].
    #[allow(clippy::mut_from_ref)] // the owner is what is borrowed alone
    pub fn access_mut<'a>(&'a self, owner: &'a mut U) -> &'a mut T {
        assert!(ptr::eq(owner, self.owner), "the lock of another value");
        // SAFETY: who has the owner's value alone holds the lock.
        unsafe { &mut *self.data.get() }
    }
}
