// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Boxes that C keeps.

use super::Box;
use crate::{alloc::Allocator, types::ForeignOwnable};
use core::{ffi::c_void, pin::Pin};

// SAFETY: the pointer is that of the value, which the allocator aligned to both.
unsafe impl<T, A: Allocator> ForeignOwnable for Box<T, A> {
    const FOREIGN_ALIGN: usize = if size_of::<T>() == 0 || align_of::<T>() > A::MIN_ALIGN {
        align_of::<T>()
    } else {
        A::MIN_ALIGN
    };
    type Borrowed<'a>
        = &'a T
    where
        Self: 'a;
    type BorrowedMut<'a>
        = &'a mut T
    where
        Self: 'a;

    fn into_foreign(self) -> *mut c_void {
        Box::into_raw(self).cast()
    }

    unsafe fn from_foreign(ptr: *mut c_void) -> Self {
        // SAFETY: from `into_foreign`, by this function's contract.
        unsafe { Box::from_raw(ptr.cast()) }
    }

    unsafe fn borrow<'a>(ptr: *mut c_void) -> &'a T
    where
        Self: 'a,
    {
        // SAFETY: the value lives during `'a`, and nobody changes it.
        unsafe { &*ptr.cast() }
    }

    unsafe fn borrow_mut<'a>(ptr: *mut c_void) -> &'a mut T
    where
        Self: 'a,
    {
        // SAFETY: the value lives during `'a`, and nobody else has it.
        unsafe { &mut *ptr.cast() }
    }
}

// SAFETY: as above.
unsafe impl<T, A: Allocator> ForeignOwnable for Pin<Box<T, A>> {
    const FOREIGN_ALIGN: usize = Box::<T, A>::FOREIGN_ALIGN;
    type Borrowed<'a>
        = Pin<&'a T>
    where
        Self: 'a;
    type BorrowedMut<'a>
        = Pin<&'a mut T>
    where
        Self: 'a;

    fn into_foreign(self) -> *mut c_void {
        // SAFETY: the value stays in place, and is pinned again wherever it is given out.
        unsafe { Pin::into_inner_unchecked(self) }.into_foreign()
    }

    unsafe fn from_foreign(ptr: *mut c_void) -> Self {
        // SAFETY: from `into_foreign`, by this function's contract.
        unsafe { Box::<T, A>::from_foreign(ptr) }.into()
    }

    unsafe fn borrow<'a>(ptr: *mut c_void) -> Pin<&'a T>
    where
        Self: 'a,
    {
        // SAFETY: by this function's contract, and the value is pinned.
        unsafe { Pin::new_unchecked(Box::<T, A>::borrow(ptr)) }
    }

    unsafe fn borrow_mut<'a>(ptr: *mut c_void) -> Pin<&'a mut T>
    where
        Self: 'a,
    {
        // SAFETY: by this function's contract, and the value is pinned.
        unsafe { Pin::new_unchecked(Box::<T, A>::borrow_mut(ptr)) }
    }
}
