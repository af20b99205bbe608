// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A C structure inside a Rust one.
#![allow(unsafe_code)] // says what may be in memory that C owns

use core::{cell::UnsafeCell, marker::PhantomPinned, mem::MaybeUninit};
use pinned_init::{PinInit, Wrapper, Zeroable};

/// A C value: it may be uninitialised, it may change at any time, and Rust assumes nothing
/// about it. Rust gives out its address and never a reference to it.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, types::Opaque};
///
/// #[repr(C)]
/// struct timer { expires: u64 }
/// unsafe extern "C" fn timer_init(timer: *mut timer) {
///     unsafe { (*timer).expires = 7 };
/// }
///
/// // SAFETY: the slot is valid for writes.
/// let init = Opaque::ffi_init(|slot| unsafe { timer_init(slot) });
/// let timer = KBox::pin_init(init, GFP_KERNEL)?;
/// // SAFETY: initialised above, and nobody else has it.
/// assert_eq!(unsafe { (*timer.get()).expires }, 7);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
#[repr(transparent)]
pub struct Opaque<T> {
    value: UnsafeCell<MaybeUninit<T>>,
    _pin: PhantomPinned,
}

// SAFETY: any bytes are valid, those of zero too.
unsafe impl<T> Zeroable for Opaque<T> {}

impl<T> Opaque<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self {
            value: UnsafeCell::new(MaybeUninit::new(value)),
            _pin: PhantomPinned,
        }
    }

    /// Memory for a value that C will initialise.
    pub const fn uninit() -> Self {
        Self {
            value: UnsafeCell::new(MaybeUninit::uninit()),
            _pin: PhantomPinned,
        }
    }

    /// Memory of zeros.
    pub const fn zeroed() -> Self {
        Self {
            value: UnsafeCell::new(MaybeUninit::zeroed()),
            _pin: PhantomPinned,
        }
    }

    /// Initialises in place by a C function that cannot fail and that gets the address.
    pub fn ffi_init(init: impl FnOnce(*mut T)) -> impl PinInit<Self> {
        Self::try_ffi_init(move |slot| {
            init(slot);
            Ok::<(), core::convert::Infallible>(())
        })
    }

    /// Initialises in place by a C function that gets the address and may fail.
    pub fn try_ffi_init<E>(init: impl FnOnce(*mut T) -> Result<(), E>) -> impl PinInit<Self, E> {
        let closure = move |slot: *mut Self| init(Self::cast_into(slot));
        // SAFETY: an `Opaque` may be uninitialised, so whatever `init` leaves there is valid, and needs no drop
        // when it fails.
        unsafe { pinned_init::pin_init_from_closure(closure) }
    }

    /// The address of the C value.
    pub const fn get(&self) -> *mut T {
        Self::cast_into(self)
    }

    /// The address of the C value, without a reference to the wrapper.
    pub const fn cast_into(this: *const Self) -> *mut T {
        UnsafeCell::raw_get(this.cast::<UnsafeCell<MaybeUninit<T>>>()).cast()
    }

    /// The wrapper around the C value at an address.
    pub const fn cast_from(this: *const T) -> *const Self {
        this.cast()
    }
}

impl<T> Wrapper<T> for Opaque<T> {
    /// Initialises in place by a Rust initialiser.
    fn pin_init<E>(init: impl PinInit<T, E>) -> impl PinInit<Self, E> {
        Self::try_ffi_init(|slot| {
            // SAFETY: the slot is valid for writes and stays in place. On an error nothing is left to drop.
            unsafe { init.__pinned_init(slot) }
        })
    }
}
