// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The end of the line for a Rust panic: a message and `BUG()`.

use super::bindings;
use crate::print::{print_line, Level};

/// Reports a panic and ends in `BUG()`, as the kernel's own Rust does. `prefix` is the crate's `__LOG_PREFIX`.
///
/// [`module!`](crate::module!) makes the handler that calls it.
pub fn panic(prefix: &[u8], info: &core::panic::PanicInfo<'_>) -> ! {
    print_line(Level::Emerg, prefix, format_args!("{info}"));
    // SAFETY: BUG() may be used in any context and does not return.
    unsafe { bindings::nova_bug() }
}
