// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why the daemon stopped, and the exit code that says so.

use std::fmt::Display;

/// An error that ends the daemon.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for makes no sense or is not there (exit code 2).
    #[error("{0}")]
    Config(String),
    /// The system, another process or the GPU refused (exit code 1).
    #[error("{context}: {source:#}")]
    Runtime {
        /// What was being done.
        context: String,
        /// Why it failed.
        source: anyhow::Error,
    },
}

impl Error {
    /// A configuration error.
    pub fn config(message: impl Display) -> Self {
        Self::Config(message.to_string())
    }

    /// A runtime failure while doing `context`.
    pub fn runtime(context: impl Display, source: impl Into<anyhow::Error>) -> Self {
        Self::Runtime {
            context: context.to_string(),
            source: source.into(),
        }
    }

    /// The process's exit code for this error, as `--help` documents it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Runtime { .. } => 1,
            Self::Config(_) => 2,
        }
    }
}

/// Adds what was being done to an error.
pub trait Context<T> {
    /// Turns the error into [`Error::Runtime`].
    fn context(self, context: impl Display) -> Result<T, Error>;
}

impl<T, E: Into<anyhow::Error>> Context<T> for Result<T, E> {
    fn context(self, context: impl Display) -> Result<T, Error> {
        self.map_err(|error| Error::runtime(context, error))
    }
}
