// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Why the device at the other end of a socket did not do what was asked.

use std::{io, time::Duration};

use nova_pci::PciError;

use super::message::Command;

/// Why talking to a vfio-user peer failed.
///
/// After all but [`Self::Refused`] the connection is over: whatever is asked next fails at once
/// with [`Self::Lost`]. Through the seam it is the source of [`PciError::Transport`].
#[derive(Debug, thiserror::Error)]
pub enum VfioUserError {
    /// Nobody listens, or the socket cannot be reached.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The peer closed the connection, or died.
    #[error("the vfio-user peer closed the connection during {0}")]
    Closed(String),
    /// The peer did not answer in time.
    #[error("the vfio-user peer did not answer {command} within {timeout:?}")]
    TimedOut {
        /// What was asked.
        command: String,
        /// For how long it was waited.
        timeout: Duration,
    },
    /// The peer answered with an error.
    #[error("the vfio-user peer refused {command}: {}", reason(*.errno))]
    Refused {
        /// What was asked.
        command: String,
        /// The errno in the answer; 0 when the peer gave none.
        errno: i32,
    },
    /// The peer's answer makes no sense.
    #[error("the vfio-user peer's answer to {command} makes no sense: {what}")]
    Nonsense {
        /// What was asked.
        command: String,
        /// What is wrong with the answer.
        what: String,
    },
    /// The peer speaks another version of the protocol.
    #[error("the vfio-user peer speaks version {major}.{minor} and not 0.0")]
    Version {
        /// Major version offered.
        major: u16,
        /// Minor version offered.
        minor: u16,
    },
    /// The device is no PCI device, or has too few regions for one.
    #[error("the vfio-user peer's device is no PCI device (flags {flags:#x}, {regions} regions)")]
    NotPci {
        /// `struct vfio_device_info`'s flags.
        flags: u32,
        /// Its number of regions.
        regions: u32,
    },
    /// The device cannot be reset.
    #[error("the vfio-user peer's device has no reset")]
    NoReset,
    /// The connection broke earlier.
    #[error("the connection to the vfio-user peer was lost earlier: {0}")]
    Lost(String),
    /// The system refused.
    #[error("the vfio-user socket failed during {command}")]
    Socket {
        /// What was asked.
        command: String,
        /// Why.
        source: io::Error,
    },
}

impl VfioUserError {
    pub(super) fn nonsense(command: Command, what: impl Into<String>) -> Self {
        Self::Nonsense {
            command: command.to_string(),
            what: what.into(),
        }
    }

    fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Closed(_) | Self::Lost(_) => io::ErrorKind::BrokenPipe,
            Self::TimedOut { .. } => io::ErrorKind::TimedOut,
            Self::NoReset => io::ErrorKind::Unsupported,
            Self::Nonsense { .. } | Self::Version { .. } | Self::NotPci { .. } => {
                io::ErrorKind::InvalidData
            }
            Self::Refused { errno, .. } => io::Error::from_raw_os_error(*errno).kind(),
            Self::Connect(source) | Self::Socket { source, .. } => source.kind(),
        }
    }
}

fn reason(errno: i32) -> String {
    match errno {
        0 => "it gives no reason".into(),
        errno => io::Error::from_raw_os_error(errno).to_string(),
    }
}

impl From<VfioUserError> for PciError {
    fn from(error: VfioUserError) -> Self {
        Self::Transport(io::Error::new(error.kind(), error))
    }
}
