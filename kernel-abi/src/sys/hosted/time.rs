// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Jiffies of a millisecond.

use crate::time::{Jiffies, Msecs};

/// Jiffies a second.
pub(super) const HZ: Jiffies = 1000;

/// As many.
pub fn msecs_to_jiffies(msecs: Msecs) -> Jiffies {
    msecs.into()
}

/// As many as there is room for.
pub fn jiffies_to_msecs(jiffies: Jiffies) -> Msecs {
    jiffies.try_into().unwrap_or(Msecs::MAX)
}
