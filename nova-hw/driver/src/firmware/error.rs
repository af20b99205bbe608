// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why there is no firmware to boot with.

use std::io;

use nova_spec::{firmware::names::DEBIAN_PACKAGE, FormatError};

/// Why there is no firmware to boot with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirmwareError {
    /// No place has the file.
    #[error(
        "firmware file {name} is not in {}; Debian has it in the package \
         {DEBIAN_PACKAGE} (non-free-firmware)",
        .places.join(", ")
    )]
    Missing {
        /// The name that was looked for.
        name: String,
        /// Where.
        places: Vec<String>,
    },
    /// Only firmware of another version is there.
    #[error(
        "firmware version {found} ({name}) is not supported, and {supported} is not in {}; \
         Debian has it in the package {DEBIAN_PACKAGE} (non-free-firmware)",
        .places.join(", ")
    )]
    UnsupportedVersion {
        /// The version found.
        found: String,
        /// The file that was found.
        name: String,
        /// The version that is needed.
        supported: &'static str,
        /// Where it was looked for.
        places: Vec<String>,
    },
    /// The file says that it is of another version than its name.
    #[error("firmware file {name} says that it is version {found:?} and not {supported}")]
    WrongVersion {
        /// The file.
        name: String,
        /// What it says, as far as it is text.
        found: String,
        /// The version that is needed.
        supported: &'static str,
    },
    /// The file is there and cannot be read.
    #[error("firmware file {path} cannot be read")]
    Io {
        /// Where it is.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The file is larger than any firmware is.
    #[error("firmware file {path} has more than {max:#x} bytes, compressed or not")]
    TooLarge {
        /// Where it is.
        path: String,
        /// The most that is read.
        max: u64,
    },
    /// The file is no firmware of this kind: cut off, corrupt, or for another chip.
    #[error("firmware file {name} is not usable")]
    Invalid {
        /// The file.
        name: String,
        /// What is wrong in it.
        source: FormatError,
    },
}
