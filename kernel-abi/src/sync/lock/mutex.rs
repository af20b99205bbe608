// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A lock whose holder may sleep.
//!
//! C header: `include/linux/mutex.h`.

use super::{Guard, Lock, MutexBackend};

/// A lock whose holder may sleep (`struct mutex`). Taking it may sleep: process context only.
///
/// ```
/// use kernel_abi::{alloc::flags::GFP_KERNEL, new_mutex, sync::{Arc, Mutex}};
///
/// let total: Arc<Mutex<u32>> = Arc::pin_init(new_mutex!(0, "total"), GFP_KERNEL)?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| *total.lock() += 1);
///     }
/// });
/// assert_eq!(*total.lock(), 4);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
pub type Mutex<T> = Lock<T, MutexBackend>;

/// The [`Guard`] of a [`Mutex`].
pub type MutexGuard<'a, T> = Guard<'a, T, MutexBackend>;

/// Initialises a [`Mutex`]: value and, if it is not to be the place, name.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, new_mutex, sync::Mutex};
/// use std::pin::Pin;
///
/// let named: Pin<KBox<Mutex<u8>>> = KBox::pin_init(new_mutex!(1, "Device::state"), GFP_KERNEL)?;
/// let unnamed: Pin<KBox<Mutex<u8>>> = KBox::pin_init(new_mutex!(2), GFP_KERNEL)?;
/// assert_eq!(*named.lock() + *unnamed.lock(), 3);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
#[macro_export]
macro_rules! new_mutex {
    ($value:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::Mutex::new(
            $value,
            $crate::optional_name!($($name)?),
            $crate::static_lock_class!(),
        )
    };
}
