// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Lines through `printk()`.
//!
//! C header: `include/linux/printk.h`. The `%pA` specifier exists only in kernels with
//! `CONFIG_RUST`, so a line is formatted here and handed over as a string.

use super::bindings;
use crate::print::Level;
use core::{ffi::CStr, fmt};

/// Bytes of one message with its terminating zero; longer ones are cut.
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

/// `printk` reads the level off the beginning of the format: start of header, and a digit.
const FORMATS: [&CStr; 8] = [
    c"\x010%s: %s\n",
    c"\x011%s: %s\n",
    c"\x012%s: %s\n",
    c"\x013%s: %s\n",
    c"\x014%s: %s\n",
    c"\x015%s: %s\n",
    c"\x016%s: %s\n",
    c"\x017%s: %s\n",
];

/// Prints one line. Any context.
pub(crate) fn emit(level: Level, prefix: &CStr, args: fmt::Arguments<'_>) {
    let mut line = Line {
        bytes: [0; LINE],
        len: 0,
    };
    let _ = fmt::write(&mut line, args);
    if let Some(end @ b'\n') = line.bytes.get_mut(..line.len).and_then(<[u8]>::last_mut) {
        *end = 0;
    }
    let format = FORMATS[level as usize];
    // SAFETY: the format takes two strings; `bytes` ends in a zero because `write_str` leaves the last byte alone.
    unsafe { bindings::_printk(format.as_ptr(), prefix.as_ptr(), line.bytes.as_ptr()) };
}
