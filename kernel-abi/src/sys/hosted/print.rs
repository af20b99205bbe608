// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Lines on standard error, with the level in front as systemd's journal reads it (sd-daemon(3)).

use super::std::{eprintln, format};
use crate::print::Level;
use core::{ffi::CStr, fmt};

/// Prints one line.
pub(crate) fn emit(level: Level, prefix: &CStr, args: fmt::Arguments<'_>) {
    eprintln!("{}", line(level, prefix, args));
}

fn line(level: Level, prefix: &CStr, args: fmt::Arguments<'_>) -> super::std::string::String {
    let message = format!("{args}");
    let message = message.strip_suffix('\n').unwrap_or(&message);
    format!("<{}>{}: {message}", level as u8, prefix.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_level_prefix_and_message() {
        let prefix = c"nova";
        assert_eq!(
            line(Level::Err, prefix, format_args!("{} left\n", 3)),
            "<3>nova: 3 left"
        );
        assert_eq!(
            line(Level::Info, prefix, format_args!("a\nb")),
            "<6>nova: a\nb"
        );
    }
}
