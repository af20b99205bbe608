// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fallible memory: boxes and vectors of three allocators.
//!
//! Follows `rust/kernel/alloc` of Linux. C headers: `include/linux/gfp.h`, `include/linux/slab.h`, `include/linux/vmalloc.h`.
//!
//! | allocator | box | vector | C | memory |
//! |---|---|---|---|---|
//! | [`Kmalloc`] | [`KBox`] | [`KVec`] | `kmalloc()` | physically contiguous |
//! | [`Vmalloc`] | [`VBox`] | [`VVec`] | `vmalloc()` | whole pages, contiguous to the CPU only |
//! | [`KVmalloc`] | [`KVBox`] | [`KVVec`] | `kvmalloc()` | the first if there is some, else the second |
//!
//! Everything that allocates takes [`Flags`], which say whether it may sleep, and answers [`AllocError`] when
//! there is not enough; errnos come from it as `ENOMEM`. The hosted home has the process's allocator behind all three.
//!
//! Freeing `Vmalloc` and `KVmalloc` memory may sleep; freeing `Kmalloc` memory does not.

mod allocator;
pub mod flags;
pub mod kbox;
pub mod kvec;

pub(crate) use allocator::dangling;
pub use allocator::{Allocator, KVmalloc, Kmalloc, Vmalloc};
pub use flags::Flags;
pub use kbox::{Box, KBox, KVBox, VBox};
pub use kvec::{IntoIter, KVVec, KVec, VVec, Vec};

/// There was not enough memory.
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, AllocError, KVec}, error::{code::ENOMEM, Error}};
///
/// let error = KVec::<u64>::with_capacity(usize::MAX, GFP_KERNEL).unwrap_err();
/// assert_eq!(error, AllocError);
/// assert_eq!(Error::from(error), ENOMEM);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocError;
