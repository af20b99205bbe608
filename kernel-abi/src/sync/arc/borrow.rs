// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A borrowed `Arc`.
#![allow(unsafe_code)] // counts what it was lent

use super::{inner_of, Arc, ArcInner};
use core::{marker::PhantomData, ops::Deref, ptr::NonNull};

/// A value of an [`Arc`], lent by who keeps a count: as cheap as `&T`, and it can be turned into an `Arc` of one's own. Never
/// sleeps.
///
/// ```
/// use kernel_abi::{alloc::flags::GFP_KERNEL, sync::{Arc, ArcBorrow}};
///
/// fn keep(value: ArcBorrow<'_, u32>) -> Arc<u32> {
///     assert_eq!(*value, 7);
///     value.into()
/// }
///
/// let value = Arc::new(7, GFP_KERNEL)?;
/// assert!(Arc::ptr_eq(&keep(value.as_arc_borrow()), &value));
/// // SAFETY: the count of `value` outlives what is lent.
/// let lent = unsafe { ArcBorrow::from_raw(Arc::as_ptr(&value)) };
/// assert_eq!(*lent, 7);
/// # Ok::<(), kernel_abi::alloc::AllocError>(())
/// ```
///
/// # Invariants
///
/// `inner` is live during `'a`.
pub struct ArcBorrow<'a, T: ?Sized> {
    inner: NonNull<ArcInner<T>>,
    _lent: PhantomData<&'a ()>,
}

// SAFETY: it is a shared reference, from which an `Arc` may be made.
unsafe impl<T: Send + Sync + ?Sized> Send for ArcBorrow<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync + ?Sized> Sync for ArcBorrow<'_, T> {}

impl<T: ?Sized> Clone for ArcBorrow<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for ArcBorrow<'_, T> {}

impl<T: ?Sized> ArcBorrow<'_, T> {
    /// # Safety
    ///
    /// Somebody keeps a count of `inner` as long as this lives, and nobody has it mutably.
    pub(super) const unsafe fn from_inner(inner: NonNull<ArcInner<T>>) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            inner,
            _lent: PhantomData,
        }
    }

    /// What [`Arc::into_raw`] gave out, lent.
    ///
    /// # Safety
    ///
    /// `ptr` is from [`Arc::into_raw`] or [`Arc::as_ptr`], and somebody keeps a count as long as this lives.
    pub unsafe fn from_raw(ptr: *const T) -> Self {
        // SAFETY: by this function's contract.
        unsafe { Self::from_inner(inner_of(ptr)) }
    }
}

impl<T: ?Sized> From<ArcBorrow<'_, T>> for Arc<T> {
    fn from(lent: ArcBorrow<'_, T>) -> Self {
        // SAFETY: live, and a count is added before the `Arc` owns it.
        unsafe {
            lent.inner.as_ref().refcount.inc();
            Self::from_inner(lent.inner)
        }
    }
}

impl<T: ?Sized> Deref for ArcBorrow<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by the type invariant.
        unsafe { &self.inner.as_ref().data }
    }
}
