// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Commands for a copy engine, as methods in a push buffer.
//!
//! | module | holds |
//! |---|---|
//! | `command` | what can be asked for, and the checks |
//! | `launch` | one copy as the engine knows it; a command is one or more of them |
//! | `push` | methods, as the words of a push buffer |

mod command;
mod launch;
mod push;

pub use command::{Command, CommandError, FillValue};
pub(crate) use launch::Operation;
pub(crate) use push::{Push, MAX_WORDS};

#[cfg(test)]
mod tests;
