// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where memory comes from. The three allocators are implemented by the homes.
#![allow(unsafe_code)] // raw memory

use super::{AllocError, Flags};
use core::{alloc::Layout, ptr::NonNull};

/// Gives out memory. A type without a value: boxes and vectors name it as a parameter.
///
/// ```
/// use kernel_abi::alloc::{flags::GFP_KERNEL, Allocator, Kmalloc};
/// use std::alloc::Layout;
///
/// let layout = Layout::new::<[u32; 4]>();
/// let memory = Kmalloc::alloc(layout, GFP_KERNEL)?;
/// assert!(memory.len() >= 16 && memory.cast::<u8>().addr().get() % Kmalloc::MIN_ALIGN == 0);
/// // SAFETY: from the line above.
/// unsafe { Kmalloc::free(memory.cast(), layout) };
/// # Ok::<(), kernel_abi::alloc::AllocError>(())
/// ```
///
/// # Safety
///
/// Memory that was given out stays valid until it is freed, is at least as large and as aligned as its layout says,
/// and is aligned to `MIN_ALIGN`. Memory of no size is a dangling pointer, which is aligned too.
pub unsafe trait Allocator {
    /// What all memory is aligned to, in bytes, if it has a size.
    const MIN_ALIGN: usize;

    /// Allocates memory. Sleeps if `flags` say that it may.
    fn alloc(layout: Layout, flags: Flags) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: there is no old memory.
        unsafe { Self::realloc(None, layout, Layout::new::<()>(), flags) }
    }

    /// Grows or shrinks memory; what it held, as far as there is room, is kept. On an error nothing has changed.
    /// Sleeps if `flags` say that it may.
    ///
    /// # Safety
    ///
    /// `ptr` is memory of this allocator with layout `old_layout`, and is not used again on success; without `ptr`
    /// there is no old memory.
    unsafe fn realloc(
        ptr: Option<NonNull<u8>>,
        layout: Layout,
        old_layout: Layout,
        flags: Flags,
    ) -> Result<NonNull<[u8]>, AllocError>;

    /// Frees memory.
    ///
    /// # Safety
    ///
    /// `ptr` is memory of this allocator with layout `layout`, and is not used again.
    unsafe fn free(ptr: NonNull<u8>, layout: Layout);
}

/// Physically contiguous memory of the slab allocator (`kmalloc()`, `krealloc()`, `kfree()`). At most a few
/// megabytes; for what is small. Freeing does not sleep.
pub struct Kmalloc;

/// Whole pages, contiguous to the CPU only (`vmalloc()`, `vfree()`). For what is large. Allocating always sleeps,
/// so with `GFP_KERNEL` only; freeing may sleep. Alignment is at most a page.
pub struct Vmalloc;

/// As [`Kmalloc`] if that has memory, otherwise as [`Vmalloc`] (`kvmalloc()`, `kvfree()`). For what is of any size.
/// Sleeps, as `Vmalloc` does. Alignment is at most a page.
pub struct KVmalloc;

/// Memory of no size: dangling, and aligned.
pub(crate) fn dangling(layout: Layout) -> NonNull<[u8]> {
    let ptr = core::ptr::without_provenance_mut(layout.align());
    // SAFETY: an alignment is not zero.
    NonNull::slice_from_raw_parts(unsafe { NonNull::new_unchecked(ptr) }, 0)
}
