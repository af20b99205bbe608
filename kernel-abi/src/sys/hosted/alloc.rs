// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory from the process's allocator. It may always sleep, so the flags say nothing here.

use super::std;
use crate::alloc::{AllocError, Flags};
use core::{alloc::Layout, ptr::NonNull};

/// May sleep.
pub const GFP_KERNEL: u32 = 1;
/// Does not sleep, in the kernel home.
pub const GFP_ATOMIC: u32 = 2;

/// Allocates memory for `layout`, which must not be of size zero.
pub fn alloc(layout: Layout, _flags: Flags) -> Result<NonNull<u8>, AllocError> {
    if layout.size() == 0 {
        return Err(AllocError);
    }
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { std::alloc::alloc(layout) }).ok_or(AllocError)
}

/// Grows or shrinks an allocation to `new_size` bytes.
///
/// # Safety
///
/// `ptr` came from [`alloc`] or [`realloc`] with `layout`, and is not used again on success.
/// `new_size` is not zero and does not overflow when rounded up to the alignment.
pub unsafe fn realloc(
    ptr: NonNull<u8>,
    layout: Layout,
    new_size: usize,
    _flags: Flags,
) -> Result<NonNull<u8>, AllocError> {
    // SAFETY: by this function's contract.
    NonNull::new(unsafe { std::alloc::realloc(ptr.as_ptr(), layout, new_size) }).ok_or(AllocError)
}

/// Frees an allocation.
///
/// # Safety
///
/// `ptr` came from [`alloc`] or [`realloc`] with `layout` and is not used again.
pub unsafe fn free(ptr: NonNull<u8>, layout: Layout) {
    // SAFETY: by this function's contract.
    unsafe { std::alloc::dealloc(ptr.as_ptr(), layout) };
}
