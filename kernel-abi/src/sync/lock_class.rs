// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What lockdep tells locks apart by.
//!
//! C header: `include/linux/lockdep.h`.
#![allow(unsafe_code)] // hands addresses to lockdep

use crate::{sys::sync as sys, types::Opaque};
use core::pin::Pin;
use pinned_init::{pin_data, pin_init, pinned_drop, PinInit};

/// A lock class (`struct lock_class_key`): lockdep assumes that all locks of a class are taken in the same order.
///
/// Mostly a static, made by [`static_lock_class!`](crate::static_lock_class) at the place where the lock is initialised. The
/// hosted home, and kernels without lockdep, make nothing of it.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, sync::{LockClassKey, SpinLock}, types::ForeignOwnable};
/// use std::pin::Pin;
///
/// // A class that comes and goes, for locks that are known at run time only.
/// let class = KBox::pin_init(LockClassKey::new_dynamic(), GFP_KERNEL)?.into_foreign();
/// // SAFETY: the class is taken back after the lock has ended.
/// let key = unsafe { <Pin<KBox<LockClassKey>> as ForeignOwnable>::borrow(class) };
/// let lock = KBox::pin_init(SpinLock::<u32>::new(1, c"ring", key), GFP_KERNEL)?;
/// assert_eq!(*lock.lock(), 1);
/// drop(lock);
/// // SAFETY: from `into_foreign`.
/// drop(unsafe { <Pin<KBox<LockClassKey>> as ForeignOwnable>::from_foreign(class) });
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
///
/// # Invariants
///
/// The key is static memory or registered with lockdep, and stays in place.
#[pin_data(PinnedDrop)]
#[repr(transparent)]
pub struct LockClassKey {
    #[pin]
    key: Opaque<sys::LockClass>,
}

// SAFETY: C's key has its own locking; only its address matters.
unsafe impl Send for LockClassKey {}
// SAFETY: as above.
unsafe impl Sync for LockClassKey {}

impl LockClassKey {
    /// A class for a static.
    ///
    /// # Safety
    ///
    /// The value is that of a static, and is never dropped.
    pub const unsafe fn new_static() -> Self {
        Self {
            key: Opaque::zeroed(),
        }
    }

    /// A class that is registered with lockdep (`lockdep_register_key()`), and unregistered when it is dropped. Dropping it may
    /// sleep; no lock has the class any more then.
    pub fn new_dynamic() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: the slot is valid and stays in place until it is unregistered.
            key <- Opaque::ffi_init(|slot| unsafe { sys::register_class(slot) }),
        })
    }

    /// The C key.
    pub const fn as_ptr(&self) -> *mut sys::LockClass {
        self.key.get()
    }
}

#[pinned_drop]
impl PinnedDrop for LockClassKey {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: statics are not dropped, so that this one was registered.
        unsafe { sys::unregister_class(self.as_ptr()) };
    }
}

/// A lock class of its own: a static for the place where this stands.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, static_lock_class, sync::Mutex};
///
/// let init = Mutex::<u32>::new(7, c"Queue::lock", static_lock_class!());
/// assert_eq!(*KBox::pin_init(init, GFP_KERNEL)?.lock(), 7);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
#[macro_export]
macro_rules! static_lock_class {
    () => {{
        #[allow(unsafe_code)] // the macro itself is what makes it safe
        static CLASS: $crate::sync::LockClassKey =
            // SAFETY: this is a static, which is never dropped.
            unsafe { $crate::sync::LockClassKey::new_static() };
        ::core::pin::Pin::static_ref(&CLASS)
    }};
}

/// The name that was given, or the place.
#[doc(hidden)]
#[macro_export]
macro_rules! optional_name {
    () => {
        $crate::optional_name!(::core::concat!(::core::file!(), ":", ::core::line!()))
    };
    ($name:expr) => {
        match ::core::ffi::CStr::from_bytes_until_nul(::core::concat!($name, "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => c"",
        }
    };
}
