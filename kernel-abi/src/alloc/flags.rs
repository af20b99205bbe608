// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How memory is allocated (`gfp_t`).
//!
//! C header: `include/linux/gfp_types.h`. The hosted home may always sleep; of all flags only [`__GFP_ZERO`] changes what it does.

use crate::sys::alloc as sys;
use core::ops::{BitAnd, BitOr, Not};

/// A set of flags (`gfp_t`).
///
/// ```
/// use kernel_abi::alloc::{flags::{GFP_KERNEL, __GFP_ZERO}, KBox};
///
/// let flags = GFP_KERNEL | __GFP_ZERO;
/// assert!(flags.contains(__GFP_ZERO) && !GFP_KERNEL.contains(__GFP_ZERO));
/// assert_eq!(flags & !__GFP_ZERO, GFP_KERNEL);
/// // SAFETY: the memory is zeroed, which is a valid array.
/// let zeros = unsafe { KBox::<[u8; 64]>::new_uninit(flags)?.assume_init() };
/// assert_eq!(*zeros, [0; 64]);
/// # Ok::<(), kernel_abi::alloc::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// The C value.
    pub const fn as_raw(self) -> u32 {
        self.0
    }

    /// True when all of `flags` are set.
    pub const fn contains(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Flags {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

/// For the kernel's own use. May sleep.
pub const GFP_KERNEL: Flags = Flags(sys::GFP_KERNEL);
/// As [`GFP_KERNEL`], charged to the memory cgroup of the current task. For what a program can make grow.
pub const GFP_KERNEL_ACCOUNT: Flags = Flags(sys::GFP_KERNEL_ACCOUNT);
/// Does not sleep, and may use reserves; for interrupts and under spinlocks.
pub const GFP_ATOMIC: Flags = Flags(sys::GFP_ATOMIC);
/// Does not sleep and uses no reserves: fails early, so that there must be another way.
pub const GFP_NOWAIT: Flags = Flags(sys::GFP_NOWAIT);
/// Fills the memory with zeros.
pub const __GFP_ZERO: Flags = Flags(sys::__GFP_ZERO);
/// Says nothing in the kernel's log when it fails.
pub const __GFP_NOWARN: Flags = Flags(sys::__GFP_NOWARN);
