// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Lines in the kernel log.
//!
//! Counterpart of `pr_err()` and its kin (`include/linux/printk.h`). A crate that prints has a constant
//! `__LOG_PREFIX: &[u8]`, zero-terminated, at its root; [`module!`](crate::module!) makes it. It stands in front of
//! each line. In the hosted home lines go to standard error, with the level as systemd reads it (`<3>`).
//!
//! A line ends with its message; the `\n` of the C convention may be there and changes nothing. In the kernel a message of
//! more than 255 bytes is cut.
//!
//! Context: any; does not sleep.
//!
//! ```
//! const __LOG_PREFIX: &[u8] = b"example\0";
//!
//! fn main() {
//!     kernel_abi::pr_info!("{} objects\n", 3);
//! }
//! ```

use core::fmt;

/// How serious a line is.
///
/// The numbers are those of `include/linux/kern_levels.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Level {
    /// `KERN_EMERG`: the system cannot go on.
    Emerg = 0,
    /// `KERN_ALERT`: somebody must act at once.
    Alert = 1,
    /// `KERN_CRIT`: critical.
    Crit = 2,
    /// `KERN_ERR`: an error.
    Err = 3,
    /// `KERN_WARNING`: a warning.
    Warning = 4,
    /// `KERN_NOTICE`: normal, but worth to be seen.
    Notice = 5,
    /// `KERN_INFO`: what happened.
    Info = 6,
    /// `KERN_DEBUG`: for developers.
    Debug = 7,
}

/// Prints one line. Use the `pr_*` macros.
pub fn print_line(level: Level, prefix: &[u8], args: fmt::Arguments<'_>) {
    let prefix = core::ffi::CStr::from_bytes_until_nul(prefix).unwrap_or(c"");
    crate::sys::print::emit(level, prefix, args);
}

#[doc(hidden)]
#[macro_export]
#[allow(clippy::crate_in_macro_def)] // the prefix is that of the crate that prints
macro_rules! __print_line {
    ($level:ident, $($arg:tt)*) => {
        $crate::print::print_line(
            $crate::print::Level::$level,
            crate::__LOG_PREFIX,
            ::core::format_args!($($arg)*),
        )
    };
}

/// Prints that the system cannot go on (`KERN_EMERG`).
///
/// Arguments are those of `format!`. Any context. See [`print`](crate::print).
#[macro_export]
macro_rules! pr_emerg {
    ($($arg:tt)*) => { $crate::__print_line!(Emerg, $($arg)*) };
}

/// Prints that somebody must act at once (`KERN_ALERT`).
///
/// Arguments are those of `format!`. Any context. See [`print`](crate::print).
#[macro_export]
macro_rules! pr_alert {
    ($($arg:tt)*) => { $crate::__print_line!(Alert, $($arg)*) };
}

/// Prints a critical condition (`KERN_CRIT`).
///
/// Arguments are those of `format!`. Any context. See [`print`](crate::print).
#[macro_export]
macro_rules! pr_crit {
    ($($arg:tt)*) => { $crate::__print_line!(Crit, $($arg)*) };
}

/// Prints an error (`KERN_ERR`).
///
/// Arguments are those of `format!`. Any context. See [`print`](crate::print).
#[macro_export]
macro_rules! pr_err {
    ($($arg:tt)*) => { $crate::__print_line!(Err, $($arg)*) };
}

/// Prints a warning (`KERN_WARNING`).
///
/// Arguments are those of `format!`. Any context. See [`print`](crate::print).
#[macro_export]
macro_rules! pr_warn {
    ($($arg:tt)*) => { $crate::__print_line!(Warning, $($arg)*) };
}

/// Prints what is normal, but worth to be seen (`KERN_NOTICE`).
///
/// Arguments are those of `format!`. Any context. See [`print`](crate::print).
#[macro_export]
macro_rules! pr_notice {
    ($($arg:tt)*) => { $crate::__print_line!(Notice, $($arg)*) };
}

/// Prints what happened (`KERN_INFO`).
///
/// Arguments are those of `format!`. Any context. See [`print`](crate::print).
#[macro_export]
macro_rules! pr_info {
    ($($arg:tt)*) => { $crate::__print_line!(Info, $($arg)*) };
}

/// Prints what helps developers (`KERN_DEBUG`). It is not behind dynamic debug: a kernel shows it at log level 8.
///
/// Arguments are those of `format!`. Any context. See [`print`](crate::print).
#[macro_export]
macro_rules! pr_debug {
    ($($arg:tt)*) => { $crate::__print_line!(Debug, $($arg)*) };
}
