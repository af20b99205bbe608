// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory barriers.
//!
//! C header: `include/asm-generic/barrier.h`.

use super::bindings;

macro_rules! barriers {
    ($($name:ident: $helper:ident;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "()`")]
            #[inline]
            pub fn $name() {
                // SAFETY: a barrier has no conditions.
                unsafe { bindings::$helper() };
            }
        )*
    };
}

barriers! {
    mb: nova_mb;
    rmb: nova_rmb;
    wmb: nova_wmb;
    smp_mb: nova_smp_mb;
    smp_rmb: nova_smp_rmb;
    smp_wmb: nova_smp_wmb;
    dma_mb: nova_dma_mb;
    dma_rmb: nova_dma_rmb;
    dma_wmb: nova_dma_wmb;
}
