// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory from the kernel's allocators.
//!
//! C headers: `include/linux/slab.h`, `include/linux/vmalloc.h`. 6.12 exports neither `vrealloc()` nor `kvrealloc()`,
//! so memory of these two kinds grows by a copy.
#![allow(non_upper_case_globals)] // C's names

use super::bindings;
use crate::alloc::{dangling, AllocError, Allocator, Flags, KVmalloc, Kmalloc, Vmalloc};
use core::{
    alloc::Layout,
    ffi::c_void,
    ptr::{self, NonNull},
};

/// `GFP_KERNEL`
pub const GFP_KERNEL: u32 = bindings::NOVA_CONST_GFP_KERNEL;
/// `GFP_KERNEL_ACCOUNT`
pub const GFP_KERNEL_ACCOUNT: u32 = bindings::NOVA_CONST_GFP_KERNEL_ACCOUNT;
/// `GFP_ATOMIC`
pub const GFP_ATOMIC: u32 = bindings::NOVA_CONST_GFP_ATOMIC;
/// `GFP_NOWAIT`
pub const GFP_NOWAIT: u32 = bindings::NOVA_CONST_GFP_NOWAIT;
/// `__GFP_ZERO`
pub const __GFP_ZERO: u32 = bindings::NOVA_CONST_GFP_ZERO;
/// `__GFP_NOWARN`
pub const __GFP_NOWARN: u32 = bindings::NOVA_CONST_GFP_NOWARN;

/// The size to ask kmalloc for: it aligns an object to the largest power of two that divides its size,
/// so a size that is a multiple of the alignment is aligned.
fn kmalloc_size(layout: Layout) -> usize {
    layout.pad_to_align().size()
}

fn found(memory: *mut c_void, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let memory = NonNull::new(memory.cast::<u8>()).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(memory, layout.size()))
}

/// What is there and has a size.
fn existing(ptr: Option<NonNull<u8>>, layout: Layout) -> Option<NonNull<u8>> {
    ptr.filter(|_| layout.size() != 0)
}

// SAFETY: the slab allocator keeps an object until it is freed, and `kmalloc_size` makes it aligned.
unsafe impl Allocator for Kmalloc {
    const MIN_ALIGN: usize = bindings::NOVA_CONST_ARCH_KMALLOC_MINALIGN;

    #[inline]
    unsafe fn realloc(
        ptr: Option<NonNull<u8>>,
        layout: Layout,
        old_layout: Layout,
        flags: Flags,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let old = existing(ptr, old_layout);
        if layout.size() == 0 {
            if let Some(old) = old {
                // SAFETY: by this function's contract.
                unsafe { Self::free(old, old_layout) };
            }
            return Ok(dangling(layout));
        }
        let old = old.map_or(ptr::null(), |old| old.as_ptr().cast_const().cast());
        // SAFETY: null or from the slab allocator, by this function's contract.
        let memory = unsafe { bindings::nova_krealloc(old, kmalloc_size(layout), flags.as_raw()) };
        found(memory, layout)
    }

    #[inline]
    unsafe fn free(ptr: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: by this function's contract.
            unsafe { bindings::kfree(ptr.as_ptr().cast()) };
        }
    }
}

/// Grows memory of an allocator by a copy, with `alloc`; shrinks it by leaving it as it is.
///
/// # Safety
///
/// As [`Allocator::realloc`]; `alloc` is that of `A`.
unsafe fn realloc_by_copy<A: Allocator>(
    ptr: Option<NonNull<u8>>,
    layout: Layout,
    old_layout: Layout,
    alloc: impl FnOnce() -> *mut c_void,
) -> Result<NonNull<[u8]>, AllocError> {
    let old = existing(ptr, old_layout);
    if layout.size() == 0 {
        if let Some(old) = old {
            // SAFETY: by this function's contract.
            unsafe { A::free(old, old_layout) };
        }
        return Ok(dangling(layout));
    }
    if layout.align() > bindings::NOVA_CONST_PAGE_SIZE {
        return Err(AllocError);
    }
    if let Some(old) = old
        .filter(|old| layout.size() <= old_layout.size() && old.addr().get() % layout.align() == 0)
    {
        return found(old.as_ptr().cast(), layout);
    }
    let memory = found(alloc(), layout)?;
    if let Some(old) = old {
        let size = layout.size().min(old_layout.size());
        // SAFETY: both are at least that large, and the old memory is not used again.
        unsafe {
            memory.cast::<u8>().copy_from_nonoverlapping(old, size);
            A::free(old, old_layout);
        }
    }
    Ok(memory)
}

// SAFETY: vmalloc keeps its pages until they are freed, and they are aligned to a page.
unsafe impl Allocator for Vmalloc {
    const MIN_ALIGN: usize = bindings::NOVA_CONST_PAGE_SIZE;

    unsafe fn realloc(
        ptr: Option<NonNull<u8>>,
        layout: Layout,
        old_layout: Layout,
        flags: Flags,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: by this function's contract; any size may be asked for.
        unsafe {
            realloc_by_copy::<Self>(ptr, layout, old_layout, || {
                bindings::nova_vmalloc(layout.size(), flags.as_raw())
            })
        }
    }

    unsafe fn free(ptr: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: by this function's contract.
            unsafe { bindings::vfree(ptr.as_ptr().cast()) };
        }
    }
}

// SAFETY: as both of the above. Where `kmalloc_size` is not enough for the alignment, pages are.
unsafe impl Allocator for KVmalloc {
    const MIN_ALIGN: usize = bindings::NOVA_CONST_ARCH_KMALLOC_MINALIGN;

    unsafe fn realloc(
        ptr: Option<NonNull<u8>>,
        layout: Layout,
        old_layout: Layout,
        flags: Flags,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: by this function's contract; any size may be asked for.
        unsafe {
            realloc_by_copy::<Self>(ptr, layout, old_layout, || {
                bindings::nova_kvmalloc(kmalloc_size(layout), flags.as_raw())
            })
        }
    }

    unsafe fn free(ptr: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: by this function's contract.
            unsafe { bindings::kvfree(ptr.as_ptr().cast()) };
        }
    }
}
