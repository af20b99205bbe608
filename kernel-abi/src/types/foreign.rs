// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Rust values that C keeps.
#![allow(unsafe_code)] // ownership goes through raw pointers

use core::{ffi::c_void, ptr};

/// An owner that can be given to C as a `void *`, lent out of it, and taken back.
///
/// Implemented for boxes and pinned boxes of every allocator, [`Arc`](crate::sync::Arc), [`ARef`](crate::types::ARef) and
/// `()`. None of the functions sleeps.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox}, types::ForeignOwnable};
///
/// let private_data = KBox::new(5, GFP_KERNEL)?.into_foreign();
/// {
///     // SAFETY: from `into_foreign`, and lent to nobody else.
///     let value = unsafe { <KBox<i32> as ForeignOwnable>::borrow_mut(private_data) };
///     *value += 1;
/// }
/// // SAFETY: from `into_foreign`, and not lent any more.
/// let back = unsafe { <KBox<i32> as ForeignOwnable>::from_foreign(private_data) };
/// assert_eq!(*back, 6);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
///
/// # Safety
///
/// [`ForeignOwnable::into_foreign`] returns a pointer that is not null and is aligned to `FOREIGN_ALIGN`.
pub unsafe trait ForeignOwnable: Sized {
    /// What the pointer is aligned to, in bytes: C may use the bits below.
    const FOREIGN_ALIGN: usize;

    /// What is lent for shared use.
    type Borrowed<'a>
    where
        Self: 'a;

    /// What is lent for use by one.
    type BorrowedMut<'a>
    where
        Self: 'a;

    /// Gives the value to C.
    #[must_use = "the value leaks when nobody takes it back"]
    fn into_foreign(self) -> *mut c_void;

    /// Takes the value back.
    ///
    /// # Safety
    ///
    /// `ptr` is from [`ForeignOwnable::into_foreign`] of this type, was not taken back since, and nothing is
    /// lent out of it.
    unsafe fn from_foreign(ptr: *mut c_void) -> Self;

    /// Takes the value back unless the pointer is null.
    ///
    /// # Safety
    ///
    /// `ptr` is null, or as [`ForeignOwnable::from_foreign`] wants it.
    unsafe fn try_from_foreign(ptr: *mut c_void) -> Option<Self> {
        // SAFETY: by this function's contract.
        (!ptr.is_null()).then(|| unsafe { Self::from_foreign(ptr) })
    }

    /// Lends the value for shared use.
    ///
    /// # Safety
    ///
    /// `ptr` is from [`ForeignOwnable::into_foreign`] of this type and is not taken back during `'a`, nor
    /// lent for use by one.
    unsafe fn borrow<'a>(ptr: *mut c_void) -> Self::Borrowed<'a>
    where
        Self: 'a;

    /// Lends the value for use by one. For an owner that shares its value this is as [`ForeignOwnable::borrow`].
    ///
    /// # Safety
    ///
    /// `ptr` is from [`ForeignOwnable::into_foreign`] of this type and is neither taken back nor lent during
    /// `'a`.
    unsafe fn borrow_mut<'a>(ptr: *mut c_void) -> Self::BorrowedMut<'a>
    where
        Self: 'a;
}

// SAFETY: a dangling pointer is not null, and is aligned.
unsafe impl ForeignOwnable for () {
    const FOREIGN_ALIGN: usize = 1;
    type Borrowed<'a> = ();
    type BorrowedMut<'a> = ();

    fn into_foreign(self) -> *mut c_void {
        ptr::dangling_mut()
    }

    unsafe fn from_foreign(_: *mut c_void) {}

    unsafe fn borrow<'a>(_: *mut c_void)
    where
        Self: 'a,
    {
    }

    unsafe fn borrow_mut<'a>(_: *mut c_void)
    where
        Self: 'a,
    {
    }
}
