// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An `Arc` that nobody shares yet.
#![allow(unsafe_code)] // changes what will be shared

use super::{Arc, ArcInner};
use crate::{
    alloc::{AllocError, Flags, KBox},
    error::Error,
    sync::Refcount,
};
use core::{
    borrow::{Borrow, BorrowMut},
    fmt,
    mem::{ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    pin::Pin,
    ptr::NonNull,
};
use pinned_init::{InPlaceWrite, Init, PinInit};

/// The one reference to a value, which may be changed until it becomes an [`Arc`]. That needs no memory, so that it
/// can be made where sleeping is allowed and shared where it is not.
///
/// ```
/// use kernel_abi::{alloc::flags::GFP_KERNEL, error::Error, sync::{Arc, UniqueArc}};
///
/// let mut table = UniqueArc::new([0; 4], GFP_KERNEL)?;
/// table[2] = 7;
/// let shared: Arc<[i32; 4]> = table.into();
/// assert_eq!(shared[2], 7);
///
/// let reserved = UniqueArc::<u64>::new_uninit(GFP_KERNEL)?;
/// let shared = Arc::from(reserved.write(9));
/// assert_eq!(*shared, 9);
///
/// let pinned = UniqueArc::<u64>::pin_init::<Error>(Ok(3), GFP_KERNEL)?;
/// assert_eq!(*Arc::from(pinned), 3);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `inner` has a count of one.
#[repr(transparent)]
pub struct UniqueArc<T: ?Sized> {
    pub(super) inner: Arc<T>,
}

impl<T> UniqueArc<T> {
    /// Puts `value` on the heap.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        Ok(Self::new_uninit(flags)?.write(value))
    }

    /// Memory for a value.
    pub fn new_uninit(flags: Flags) -> Result<UniqueArc<MaybeUninit<T>>, AllocError> {
        let mut memory = KBox::<ArcInner<MaybeUninit<T>>>::new_uninit(flags)?;
        let slot = memory.as_mut_ptr();
        // SAFETY: the memory is for it; with the count it is whole, as the value may be uninitialised. INVARIANT: the
        // count is one.
        unsafe {
            (&raw mut (*slot).refcount).write(Refcount::new(1));
            Ok(UniqueArc {
                inner: Arc::from_box(memory.assume_init()),
            })
        }
    }

    /// Initialises a value in place.
    pub fn init<E>(init: impl Init<T, E>, flags: Flags) -> Result<Self, Error>
    where
        Error: From<E>,
    {
        Ok(Self::new_uninit(flags)?.write_init(init)?)
    }

    /// Initialises a pinned value in place.
    pub fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Pin<Self>, Error>
    where
        Error: From<E>,
    {
        Ok(Self::new_uninit(flags)?.write_pin_init(init)?)
    }
}

impl<T: ?Sized> UniqueArc<T> {
    /// # Safety
    ///
    /// The caller has the one count of the live `inner`, and does not use it any more.
    pub(super) const unsafe fn from_inner(inner: NonNull<ArcInner<T>>) -> Self {
        // SAFETY: by this function's contract, which is the type invariant.
        let inner = unsafe { Arc::from_inner(inner) };
        Self { inner }
    }

    /// The address of the value.
    pub const fn as_ptr(this: &Self) -> *const T {
        Arc::as_ptr(&this.inner)
    }
}

impl<T> UniqueArc<MaybeUninit<T>> {
    /// Fills the memory.
    pub fn write(mut self, value: T) -> UniqueArc<T> {
        MaybeUninit::write(&mut *self, value);
        // SAFETY: just written.
        unsafe { self.assume_init() }
    }

    /// Says that the memory holds a value.
    ///
    /// # Safety
    ///
    /// It does.
    pub unsafe fn assume_init(self) -> UniqueArc<T> {
        let inner = ManuallyDrop::new(self).inner.inner.cast();
        // SAFETY: the same memory and the same count, with a valid value by this function's contract.
        unsafe { UniqueArc::from_inner(inner) }
    }
}

impl<T> InPlaceWrite<T> for UniqueArc<MaybeUninit<T>> {
    type Initialized = UniqueArc<T>;

    fn write_init<E>(mut self, init: impl Init<T, E>) -> Result<UniqueArc<T>, E> {
        // SAFETY: the memory is for a `T`; on an error it is freed as uninitialised.
        unsafe {
            init.__init(self.as_mut_ptr())?;
            Ok(self.assume_init())
        }
    }

    fn write_pin_init<E>(mut self, init: impl PinInit<T, E>) -> Result<Pin<UniqueArc<T>>, E> {
        // SAFETY: as in `write_init`; the value is pinned from here on.
        unsafe {
            init.__pinned_init(self.as_mut_ptr())?;
            Ok(self.assume_init().into())
        }
    }
}

impl<T: ?Sized> From<UniqueArc<T>> for Pin<UniqueArc<T>> {
    fn from(unique: UniqueArc<T>) -> Self {
        // SAFETY: the value does not move with its owner.
        unsafe { Pin::new_unchecked(unique) }
    }
}

impl<T: ?Sized> Deref for UniqueArc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for UniqueArc<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by the type invariant nobody else has the value.
        unsafe { &mut (*self.inner.inner.as_ptr()).data }
    }
}

impl<T: ?Sized> Borrow<T> for UniqueArc<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: ?Sized> BorrowMut<T> for UniqueArc<T> {
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for UniqueArc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for UniqueArc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}
