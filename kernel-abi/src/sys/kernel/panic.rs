// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The end of the line for a Rust panic: a message and `BUG()`.

use super::{bindings, print};

/// Reports a panic and ends in `BUG()`, as the kernel's own Rust does.
pub fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    print::print_line(c"\x010virtio_nova: %s\n", format_args!("{info}"));
    // SAFETY: BUG() may be used in any context and does not return.
    unsafe { bindings::nova_bug() }
}
