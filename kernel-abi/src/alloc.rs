// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fallible memory: [`KBox`] and [`KVec`].
//!
//! Follows `rust/kernel/alloc` of Linux. The seam is three functions of [`crate::sys`]: in the kernel home
//! the slab allocator, in the hosted home the process's.

mod kbox;
mod kvec;

pub use kbox::KBox;
pub use kvec::KVec;

/// There was not enough memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocError;

/// How memory is allocated (`gfp_t`). The hosted home may always sleep and ignores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// The C value.
    pub const fn as_raw(self) -> u32 {
        self.0
    }
}

/// The flags that are used here.
pub mod flags {
    use super::Flags;
    use crate::sys;

    /// May sleep.
    pub const GFP_KERNEL: Flags = Flags(sys::alloc::GFP_KERNEL);
    /// Does not sleep; for interrupts and under spinlocks.
    pub const GFP_ATOMIC: Flags = Flags(sys::alloc::GFP_ATOMIC);
}
