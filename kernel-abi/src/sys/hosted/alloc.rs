// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory from the process's allocator, behind all three allocators. It may always sleep, so of the flags only
//! `__GFP_ZERO` says anything. Their numbers are those of Linux 7.3.
#![allow(non_upper_case_globals)] // C's names

use super::std::alloc as process;
use crate::alloc::{AllocError, Allocator, Flags, KVmalloc, Kmalloc, Vmalloc};
use core::{alloc::Layout, ptr::NonNull};

/// `GFP_KERNEL`
pub const GFP_KERNEL: u32 = 0xcc0;
/// `GFP_KERNEL_ACCOUNT`
pub const GFP_KERNEL_ACCOUNT: u32 = 0x40_0cc0;
/// `GFP_ATOMIC`
pub const GFP_ATOMIC: u32 = 0x820;
/// `GFP_NOWAIT`
pub const GFP_NOWAIT: u32 = 0x2800;
/// `__GFP_ZERO`
pub const __GFP_ZERO: u32 = 0x100;
/// `__GFP_NOWARN`
pub const __GFP_NOWARN: u32 = 0x2000;

/// The layout that the process's allocator is asked for.
fn at_least(layout: Layout, align: usize) -> Result<Layout, AllocError> {
    layout.align_to(align).map_err(|_| AllocError)
}

fn alloc(layout: Layout, flags: Flags) -> Result<NonNull<u8>, AllocError> {
    if layout.size() == 0 {
        return Ok(crate::alloc::dangling(layout).cast());
    }
    // SAFETY: the size is not zero.
    let memory = unsafe {
        if flags.as_raw() & __GFP_ZERO != 0 {
            process::alloc_zeroed(layout)
        } else {
            process::alloc(layout)
        }
    };
    NonNull::new(memory).ok_or(AllocError)
}

/// # Safety
///
/// `ptr` is memory for `layout`, and is not used again.
unsafe fn free(ptr: NonNull<u8>, layout: Layout) {
    if layout.size() != 0 {
        // SAFETY: by this function's contract.
        unsafe { process::dealloc(ptr.as_ptr(), layout) };
    }
}

/// # Safety
///
/// `ptr` is memory for `old`, and is not used again on success.
unsafe fn realloc(
    ptr: NonNull<u8>,
    new: Layout,
    old: Layout,
    flags: Flags,
) -> Result<NonNull<u8>, AllocError> {
    // SAFETY: by this function's contract; neither size is zero where it matters, and what is written lies
    // within the new memory.
    unsafe {
        if new.size() == 0 || old.size() == 0 || new.align() != old.align() {
            let memory = alloc(new, flags)?;
            memory.copy_from_nonoverlapping(ptr, new.size().min(old.size()));
            free(ptr, old);
            return Ok(memory);
        }
        let memory = process::realloc(ptr.as_ptr(), old, new.size());
        let memory = NonNull::new(memory).ok_or(AllocError)?;
        if flags.as_raw() & __GFP_ZERO != 0 {
            let grown = new.size().saturating_sub(old.size());
            memory.add(new.size() - grown).write_bytes(0, grown);
        }
        Ok(memory)
    }
}

macro_rules! allocator {
    ($name:ident, $min_align:literal) => {
        // SAFETY: the process's allocator keeps what it gives out, and is asked for the alignment.
        unsafe impl Allocator for $name {
            const MIN_ALIGN: usize = $min_align;

            unsafe fn realloc(
                ptr: Option<NonNull<u8>>,
                layout: Layout,
                old_layout: Layout,
                flags: Flags,
            ) -> Result<NonNull<[u8]>, AllocError> {
                let new = at_least(layout, Self::MIN_ALIGN)?;
                let memory = match ptr {
                    None => alloc(new, flags)?,
                    Some(ptr) => {
                        let old = at_least(old_layout, Self::MIN_ALIGN)?;
                        // SAFETY: by this function's contract.
                        unsafe { realloc(ptr, new, old, flags)? }
                    }
                };
                Ok(NonNull::slice_from_raw_parts(memory, layout.size()))
            }

            unsafe fn free(ptr: NonNull<u8>, layout: Layout) {
                // It was asked for once, so that there is such a layout.
                if let Ok(layout) = at_least(layout, Self::MIN_ALIGN) {
                    // SAFETY: by this function's contract.
                    unsafe { free(ptr, layout) };
                }
            }
        }
    };
}

allocator!(Kmalloc, 8);
allocator!(Vmalloc, 4096);
allocator!(KVmalloc, 8);
