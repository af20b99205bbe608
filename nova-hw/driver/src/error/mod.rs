// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why something did not work. Each error names what was being done and what was read, for
//! the reader has the card and not the code.

mod boot;
mod cause;
mod probe;

pub use boot::{BootError, Step, UnloadError};
pub(crate) use boot::{During, Failed};
pub use cause::Cause;
pub(crate) use probe::at;
pub use probe::ProbeError;
