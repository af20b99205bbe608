// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP's firmware: where it is found, and what is taken from it.

mod error;
mod files;
mod images;
mod source;

pub use error::FirmwareError;
pub use files::FirmwareFolders;
pub(crate) use images::{Files, Images};
pub use source::{FirmwareSet, FirmwareSource, FoundFile};
