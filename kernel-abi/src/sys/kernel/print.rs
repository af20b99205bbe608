// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Lines in the kernel log.
//!
//! C header: `include/linux/printk.h`. The `%pA` specifier exists only in kernels with
//! `CONFIG_RUST`, so a line is formatted here and handed over as a string.

use super::bindings;
use core::{ffi::CStr, fmt};

/// Bytes of one line; longer ones are cut.
const LINE: usize = 256;

struct Line {
    bytes: [u8; LINE],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        // One byte stays for the terminating zero.
        let room = (LINE - 1).saturating_sub(self.len);
        let take = s.len().min(room);
        if let (Some(to), Some(from)) = (
            self.bytes.get_mut(self.len..self.len + take),
            s.as_bytes().get(..take),
        ) {
            to.copy_from_slice(from);
            self.len += take;
        }
        Ok(())
    }
}

/// Prints one line at the level that `prefix` carries (`KERN_INFO` and so on).
///
/// Any context.
pub fn print_line(format: &CStr, args: fmt::Arguments<'_>) {
    let mut line = Line {
        bytes: [0; LINE],
        len: 0,
    };
    let _ = fmt::write(&mut line, args);
    // SAFETY: `format` takes one string, and `bytes` ends in a zero because `write_str` leaves
    // the last byte alone.
    unsafe { bindings::_printk(format.as_ptr(), line.bytes.as_ptr()) };
}

/// Prints an error to the kernel log.
#[macro_export]
macro_rules! pr_err {
    ($($arg:tt)*) => {
        $crate::print::print_line(c"\x013virtio_nova: %s\n", ::core::format_args!($($arg)*))
    };
}

/// Prints a warning to the kernel log.
#[macro_export]
macro_rules! pr_warn {
    ($($arg:tt)*) => {
        $crate::print::print_line(c"\x014virtio_nova: %s\n", ::core::format_args!($($arg)*))
    };
}

/// Prints a message to the kernel log.
#[macro_export]
macro_rules! pr_info {
    ($($arg:tt)*) => {
        $crate::print::print_line(c"\x016virtio_nova: %s\n", ::core::format_args!($($arg)*))
    };
}
