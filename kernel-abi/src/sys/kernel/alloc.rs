// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory from the slab allocator.
//!
//! C header: `include/linux/slab.h`.

use super::bindings;
use crate::alloc::{AllocError, Flags};
use core::{alloc::Layout, ptr::NonNull};

/// `GFP_KERNEL`: may sleep.
pub const GFP_KERNEL: u32 = bindings::NOVA_CONST_GFP_KERNEL;
/// `GFP_ATOMIC`: does not sleep.
pub const GFP_ATOMIC: u32 = bindings::NOVA_CONST_GFP_ATOMIC;

/// The size to ask `krealloc` for: kmalloc aligns an object to the largest power of two that
/// divides its size, so a size that is a multiple of the alignment is aligned.
fn kmalloc_size(layout: Layout) -> usize {
    layout.pad_to_align().size()
}

/// Allocates memory for `layout`, which must not be of size zero.
///
/// May sleep if `flags` say so.
pub fn alloc(layout: Layout, flags: Flags) -> Result<NonNull<u8>, AllocError> {
    // SAFETY: a null pointer asks for new memory.
    let ptr =
        unsafe { bindings::nova_krealloc(core::ptr::null(), kmalloc_size(layout), flags.as_raw()) };
    NonNull::new(ptr.cast()).ok_or(AllocError)
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
    flags: Flags,
) -> Result<NonNull<u8>, AllocError> {
    let new_layout = Layout::from_size_align(new_size, layout.align()).map_err(|_| AllocError)?;
    // SAFETY: `ptr` is from the slab allocator, by this function's contract.
    let ptr = unsafe {
        bindings::nova_krealloc(
            ptr.as_ptr().cast(),
            kmalloc_size(new_layout),
            flags.as_raw(),
        )
    };
    NonNull::new(ptr.cast()).ok_or(AllocError)
}

/// Frees an allocation. Does not sleep.
///
/// # Safety
///
/// `ptr` came from [`alloc`] or [`realloc`] and is not used again.
pub unsafe fn free(ptr: NonNull<u8>, _layout: Layout) {
    // SAFETY: by this function's contract.
    unsafe { bindings::kfree(ptr.as_ptr().cast()) };
}
