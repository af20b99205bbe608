// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Shared ownership by a reference count, without weak references.
//!
//! Follows `rust/kernel/sync/arc.rs` of Linux.
#![allow(unsafe_code)] // owns raw memory

mod borrow;
#[cfg(all(test, home = "hosted"))]
mod tests;
mod unique;

pub use borrow::ArcBorrow;
pub use unique::UniqueArc;

use super::Refcount;
use crate::{
    alloc::{AllocError, Flags, KBox},
    error::Error,
    types::ForeignOwnable,
};
use core::{
    alloc::Layout,
    borrow::Borrow,
    ffi::c_void,
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    pin::Pin,
    ptr::{self, NonNull},
};
use pinned_init::{pin_data, PinInit};

#[repr(C)]
#[pin_data]
struct ArcInner<T: ?Sized> {
    refcount: Refcount,
    #[pin]
    data: T,
}

/// A counted reference to a value that is pinned on the heap (a structure with a `refcount_t`). The last one drops the value where
/// it is.
///
/// Making one sleeps if its [`Flags`] say that it may. Cloning never sleeps and cannot fail: a count that
/// overflows stays, and the value is never freed ([`Refcount`]).
///
/// ```
/// use kernel_abi::{alloc::flags::GFP_KERNEL, error::Error, new_mutex, sync::{Arc, Mutex}};
///
/// let jobs: Arc<Mutex<u32>> = Arc::pin_init(new_mutex!(1, "jobs"), GFP_KERNEL)?;
/// let worker = jobs.clone();
/// assert!(Arc::ptr_eq(&jobs, &worker));
/// std::thread::spawn(move || *worker.lock() += 1).join().unwrap();
/// assert_eq!(*jobs.lock(), 2);
///
/// let raw = Arc::into_raw(Arc::new(7, GFP_KERNEL)?);
/// // SAFETY: from the line above.
/// let back = unsafe { Arc::from_raw(raw) };
/// assert_eq!(Arc::as_ptr(&back), raw);
/// let alone = Arc::into_unique_or_drop(back).unwrap();
/// assert_eq!(*alone, 7);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `inner` is live memory of a [`KBox`], of whose count this owns one.
#[repr(transparent)]
pub struct Arc<T: ?Sized> {
    inner: NonNull<ArcInner<T>>,
    _owns: PhantomData<ArcInner<T>>,
}

// SAFETY: it gives `&T` to wherever it goes, and may drop the value there.
unsafe impl<T: Send + Sync + ?Sized> Send for Arc<T> {}
// SAFETY: as above; it can be cloned through a shared reference.
unsafe impl<T: Send + Sync + ?Sized> Sync for Arc<T> {}
// The value stays in place when the reference moves.
impl<T: ?Sized> Unpin for Arc<T> {}

impl<T> Arc<T> {
    /// Puts `value` on the heap.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        Ok(UniqueArc::new(value, flags)?.into())
    }

    /// Initialises a pinned value in place.
    pub fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Self, Error>
    where
        Error: From<E>,
    {
        let inner = KBox::pin_init(
            pinned_init::try_pin_init!(ArcInner {
                refcount: Refcount::new(1),
                data <- init,
            }? E),
            flags,
        )?;
        // SAFETY: an `Arc` never moves its value.
        Ok(Self::from_box(unsafe { Pin::into_inner_unchecked(inner) }))
    }

    fn from_box(inner: KBox<ArcInner<T>>) -> Self {
        // SAFETY: a box is never null, and its count of one is taken over.
        unsafe { Self::from_inner(NonNull::new_unchecked(KBox::into_raw(inner))) }
    }
}

impl<T: ?Sized> Arc<T> {
    /// # Safety
    ///
    /// The caller has a count of the live `inner` that it does not use any more.
    const unsafe fn from_inner(inner: NonNull<ArcInner<T>>) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            inner,
            _owns: PhantomData,
        }
    }

    const fn refcount(&self) -> &Refcount {
        // SAFETY: by the type invariant.
        unsafe { &self.inner.as_ref().refcount }
    }

    /// Gives the count to the caller, as the address of the value.
    pub fn into_raw(this: Self) -> *const T {
        Self::as_ptr(&ManuallyDrop::new(this))
    }

    /// The address of the value.
    pub const fn as_ptr(this: &Self) -> *const T {
        // SAFETY: by the type invariant.
        unsafe { &raw const (*this.inner.as_ptr()).data }
    }

    /// Takes a count back. The pointer may have been turned into one to a trait object or a slice.
    ///
    /// # Safety
    ///
    /// `ptr` is from [`Arc::into_raw`], whose count is not used any more.
    pub unsafe fn from_raw(ptr: *const T) -> Self {
        // SAFETY: by this function's contract.
        unsafe { Self::from_inner(inner_of(ptr)) }
    }

    /// Lends the value without its own pointer.
    pub const fn as_arc_borrow(&self) -> ArcBorrow<'_, T> {
        // SAFETY: the count of `self` outlives what is lent.
        unsafe { ArcBorrow::from_inner(self.inner) }
    }

    /// True when both are references to one value.
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        ptr::addr_eq(this.inner.as_ptr(), other.inner.as_ptr())
    }

    /// Gives the value up, or has it alone, if this was the last reference. Of several owners that do it at once
    /// exactly one gets the value.
    pub fn into_unique_or_drop(this: Self) -> Option<Pin<UniqueArc<T>>> {
        let this = ManuallyDrop::new(this);
        if !this.refcount().dec_and_test() {
            return None;
        }
        // Nobody else has it: the count of the one owner is back.
        this.refcount().set(1);
        // SAFETY: this was the last count, and now is the one.
        let unique = unsafe { UniqueArc::from_inner(this.inner) };
        Some(unique.into())
    }
}

/// # Safety
///
/// `ptr` is the address of the value of a live [`ArcInner`].
unsafe fn inner_of<T: ?Sized>(ptr: *const T) -> NonNull<ArcInner<T>> {
    // SAFETY: the value is live.
    let align = Layout::for_value(unsafe { &*ptr }).align();
    // Where C's layout puts a field behind the count.
    let offset = size_of::<Refcount>().next_multiple_of(align);
    let inner = ptr.wrapping_byte_sub(offset) as *mut ArcInner<T>;
    // SAFETY: within the live memory.
    unsafe { NonNull::new_unchecked(inner) }
}

impl<T: ?Sized> Clone for Arc<T> {
    #[inline]
    fn clone(&self) -> Self {
        self.refcount().inc();
        // SAFETY: the count that was just added.
        unsafe { Self::from_inner(self.inner) }
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by the type invariant.
        unsafe { &self.inner.as_ref().data }
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    #[inline]
    fn drop(&mut self) {
        if self.refcount().dec_and_test() {
            // SAFETY: this was the last count.
            drop(unsafe { KBox::from_raw(self.inner.as_ptr()) });
        }
    }
}

impl<T: ?Sized> AsRef<T> for Arc<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> Borrow<T> for Arc<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: ?Sized> From<UniqueArc<T>> for Arc<T> {
    fn from(unique: UniqueArc<T>) -> Self {
        unique.inner
    }
}

impl<T: ?Sized> From<Pin<UniqueArc<T>>> for Arc<T> {
    fn from(unique: Pin<UniqueArc<T>>) -> Self {
        // SAFETY: an `Arc` never moves its value.
        unsafe { Pin::into_inner_unchecked(unique) }.inner
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

// SAFETY: the pointer is that of a live structure in a box's memory, and the count goes with it.
unsafe impl<T> ForeignOwnable for Arc<T> {
    const FOREIGN_ALIGN: usize = <KBox<ArcInner<T>>>::FOREIGN_ALIGN;
    type Borrowed<'a>
        = ArcBorrow<'a, T>
    where
        Self: 'a;
    type BorrowedMut<'a>
        = ArcBorrow<'a, T>
    where
        Self: 'a;

    fn into_foreign(self) -> *mut c_void {
        ManuallyDrop::new(self).inner.as_ptr().cast()
    }

    unsafe fn from_foreign(ptr: *mut c_void) -> Self {
        // SAFETY: from `into_foreign`, with its count, by this function's contract.
        unsafe { Self::from_inner(NonNull::new_unchecked(ptr.cast())) }
    }

    unsafe fn borrow<'a>(ptr: *mut c_void) -> ArcBorrow<'a, T>
    where
        Self: 'a,
    {
        // SAFETY: live during `'a`, as the count is kept with the pointer.
        unsafe { ArcBorrow::from_inner(NonNull::new_unchecked(ptr.cast())) }
    }

    unsafe fn borrow_mut<'a>(ptr: *mut c_void) -> ArcBorrow<'a, T>
    where
        Self: 'a,
    {
        // SAFETY: as in `borrow`: what is shared is lent for shared use only.
        unsafe { <Self as ForeignOwnable>::borrow(ptr) }
    }
}
