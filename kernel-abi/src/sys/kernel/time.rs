// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Jiffies of the kernel's `HZ`.
//!
//! C header: `include/linux/jiffies.h`.

use super::bindings;
use crate::time::{Jiffies, Msecs};

/// `msecs_to_jiffies()`
pub fn msecs_to_jiffies(msecs: Msecs) -> Jiffies {
    // SAFETY: any number may be asked for.
    unsafe { bindings::__msecs_to_jiffies(msecs) }
}

/// `jiffies_to_msecs()`
pub fn jiffies_to_msecs(jiffies: Jiffies) -> Msecs {
    // SAFETY: any number may be asked for.
    unsafe { bindings::nova_jiffies_to_msecs(jiffies) }
}
