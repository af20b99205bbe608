// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory barriers. A process has no devices of its own: all flavours are those between CPUs.

use crate::sys::atomic::fence_of;
use core::sync::atomic::Ordering::{Acquire, Release, SeqCst};

/// Full barrier.
pub fn smp_mb() {
    fence_of(SeqCst);
}

/// Reads.
pub fn smp_rmb() {
    fence_of(Acquire);
}

/// Writes.
pub fn smp_wmb() {
    fence_of(Release);
}

pub use {
    smp_mb as dma_mb, smp_mb as mb, smp_rmb as dma_rmb, smp_rmb as rmb, smp_wmb as dma_wmb,
    smp_wmb as wmb,
};
