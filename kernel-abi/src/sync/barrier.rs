// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory barriers.
//!
//! Follows `rust/kernel/sync/barrier.rs` of Linux. C header: `include/asm-generic/barrier.h`. Each takes what it orders as
//! a value: [`Read`] reads before with reads after, [`Write`] writes with writes, [`Full`] everything with everything. Any
//! context. Where one variable is enough, the orderings of [`atomic`](super::atomic) say it better.
//!
//! ```
//! use kernel_abi::sync::{atomic::{Atomic, Relaxed}, barrier::{smp_mb, Full, Write, Read, mb, dma_mb}};
//!
//! // The driver's half of an idle flag: write the index, full barrier, read whether to kick.
//! let (index, need_kick) = (Atomic::new(0u32), Atomic::new(1u32));
//! index.store(1, Relaxed);
//! smp_mb(Full);
//! assert_eq!(need_kick.load(Relaxed), 1);
//!
//! // A descriptor is whole before the device is told of it.
//! dma_mb(Write);
//! mb(Read);
//! ```

use crate::sys::sync::barrier as sys;

pub use super::atomic::Full;

/// Reads before come before reads after.
pub struct Read;

/// Writes before come before writes after.
pub struct Write;

mod sealed {
    pub trait Barrier {
        /// For devices too.
        fn mandatory();
        /// For CPUs.
        fn smp();
        /// For devices that share memory coherently.
        fn dma();
    }
}
use sealed::Barrier;

macro_rules! barriers {
    ($($order:ident: $mandatory:ident $smp:ident $dma:ident;)*) => {
        $(
            impl Barrier for $order {
                fn mandatory() {
                    sys::$mandatory();
                }
                fn smp() {
                    sys::$smp();
                }
                fn dma() {
                    sys::$dma();
                }
            }
        )*
    };
}

barriers! {
    Full: mb smp_mb dma_mb;
    Read: rmb smp_rmb dma_rmb;
    Write: wmb smp_wmb dma_wmb;
}

/// Orders accesses of this CPU for CPUs and devices (`mb()`, `rmb()`, `wmb()`).
#[inline]
pub fn mb<O: Barrier>(_: O) {
    O::mandatory();
}

/// Orders accesses of this CPU for other CPUs (`smp_mb()`, `smp_rmb()`, `smp_wmb()`).
#[inline]
pub fn smp_mb<O: Barrier>(_: O) {
    O::smp();
}

/// Orders accesses of this CPU to memory that it shares with a device (`dma_mb()`, `dma_rmb()`, `dma_wmb()`).
#[inline]
pub fn dma_mb<O: Barrier>(_: O) {
    O::dma();
}
