// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pages of memory.
//!
//! C headers: `include/linux/gfp.h`, `include/linux/mm.h`.

use super::bindings;
use crate::{
    alloc::{AllocError, Flags},
    error::{code::EINVAL, Result},
};
use core::{ptr::NonNull, sync::atomic::AtomicU64};

/// `PAGE_SHIFT` on x86-64.
pub const PAGE_SHIFT: usize = 12;
/// Bytes of a page.
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;
/// Takes an address to the beginning of its page.
pub const PAGE_MASK: usize = !(PAGE_SIZE - 1);

/// Rounds up to whole pages; none when that would not fit. Upstream's `page_align` wraps.
pub const fn page_align(size: usize) -> Option<usize> {
    match size.checked_add(PAGE_SIZE - 1) {
        Some(sum) => Some(sum & PAGE_MASK),
        None => None,
    }
}

/// A page that belongs to this value.
///
/// # Invariants
///
/// `page` came from `alloc_page()`, and is in the kernel's linear mapping, as all memory is on x86-64.
pub struct Page {
    page: NonNull<bindings::page>,
}

// SAFETY: a page may be used and freed by any task.
unsafe impl Send for Page {}
// SAFETY: what changes its bytes asks for a mutable reference.
unsafe impl Sync for Page {}

impl Page {
    /// A page with anything in it, or zeros with `__GFP_ZERO` (`alloc_page()`). Sleeps if `flags` say so. Its error is
    /// `ENOMEM`.
    pub fn alloc_page(flags: Flags) -> Result<Self, AllocError> {
        // SAFETY: any flags may be given.
        let page = unsafe { bindings::nova_alloc_page(flags.as_raw()) };
        let page = NonNull::new(page).ok_or(AllocError)?;
        // INVARIANT: allocated above, without __GFP_HIGHMEM having an effect.
        Ok(Self { page })
    }

    /// The address of `struct page`.
    pub const fn as_ptr(&self) -> *mut bindings::page {
        self.page.as_ptr()
    }

    /// Its physical address (`page_to_phys()`). Any context.
    pub fn phys(&self) -> u64 {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_page_to_phys(self.as_ptr()) }
    }

    fn address(&self, offset: usize, len: usize) -> Result<*mut u8> {
        match offset.checked_add(len) {
            Some(end) if end <= PAGE_SIZE => {
                // SAFETY: by the type invariant.
                let base = unsafe { bindings::nova_page_address(self.as_ptr()) }.cast::<u8>();
                Ok(base.wrapping_add(offset))
            }
            _ => Err(EINVAL),
        }
    }

    /// Copies bytes out. `EINVAL` when they are not all inside of the page. Any context.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let from = self.address(offset, to.len())?;
        // SAFETY: the range is inside of the page, which nobody writes while this is a shared reference.
        unsafe { from.copy_to_nonoverlapping(to.as_mut_ptr(), to.len()) };
        Ok(())
    }

    /// Copies bytes in. `EINVAL` when they are not all inside of the page. Any context.
    pub fn write(&mut self, offset: usize, from: &[u8]) -> Result {
        let to = self.address(offset, from.len())?;
        // SAFETY: the range is inside of the page, which is ours.
        unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
        Ok(())
    }

    /// Writes zeros. `EINVAL` when the range is not inside of the page. Any context.
    pub fn fill_zero(&mut self, offset: usize, len: usize) -> Result {
        let to = self.address(offset, len)?;
        // SAFETY: as above.
        unsafe { to.write_bytes(0, len) };
        Ok(())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; nobody uses it any more.
        unsafe { bindings::nova_free_page(self.as_ptr()) };
    }
}

/// A page of zeros that a device may write at any time: it is only looked at a word at a time.
///
/// # Invariants
///
/// Nothing refers to its bytes but as atomics.
pub struct SharedPage(Page);

// SAFETY: what it offers is atomic.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// 64-bit words in a page.
    pub const WORDS: usize = PAGE_SIZE / 8;

    /// Allocates it. Sleeps.
    pub fn new() -> Result<Self, AllocError> {
        use crate::alloc::flags::{__GFP_ZERO, GFP_KERNEL};
        Ok(Self(Page::alloc_page(GFP_KERNEL | __GFP_ZERO)?))
    }

    /// Its physical address. Any context.
    pub fn phys(&self) -> u64 {
        self.0.phys()
    }

    /// Word `index`, or None beyond the end. Any context.
    pub fn word(&self, index: usize) -> Option<&AtomicU64> {
        if index >= Self::WORDS {
            return None;
        }
        let base = self.0.address(0, PAGE_SIZE).ok()?.cast::<AtomicU64>();
        // SAFETY: the word is inside of the page, which is aligned and lives as long as this value. By the type invariant
        // nothing refers to it in another way; the device writes whole words.
        Some(unsafe { &*base.add(index) })
    }
}
