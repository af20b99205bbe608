// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Units of time that waits are given in.
//!
//! C header: `include/linux/jiffies.h`.
//!
//! ```
//! use kernel_abi::time::{jiffies_to_msecs, msecs_to_jiffies};
//!
//! let second = msecs_to_jiffies(1000);
//! assert_eq!(jiffies_to_msecs(second), 1000);
//! assert_eq!(msecs_to_jiffies(0), 0);
//! ```

use crate::sys::time as sys;
use core::ffi::{c_uint, c_ulong};

/// Ticks of the kernel's timer: `HZ` a second. The hosted home's `HZ` is 1000.
pub type Jiffies = c_ulong;

/// Milliseconds.
pub type Msecs = c_uint;

/// Jiffies that last at least that long (`msecs_to_jiffies()`); more than half of the range stands for ever. Any context.
pub fn msecs_to_jiffies(msecs: Msecs) -> Jiffies {
    sys::msecs_to_jiffies(msecs)
}

/// Milliseconds that the jiffies last (`jiffies_to_msecs()`), as many as its type holds. Any context.
pub fn jiffies_to_msecs(jiffies: Jiffies) -> Msecs {
    sys::jiffies_to_msecs(jiffies)
}
