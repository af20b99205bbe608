// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A channel, as GSP-RM describes it to the host engine.

use super::{super::mmu::Aperture, super::mmu::PageDirectory};

/// A channel's number: what a doorbell rings with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChannelId {
    pub(crate) runlist: u16,
    /// In its runlist.
    pub(crate) chid: u16,
}

impl ChannelId {
    /// The work submit token, and the other way round.
    pub(crate) fn token(self) -> u32 {
        u32::from(self.runlist) << 16 | u32::from(self.chid)
    }

    pub(crate) fn of_token(token: u32) -> Self {
        Self {
            runlist: (token >> 16) as u16,
            chid: token as u16,
        }
    }
}

/// Channels that take turns as one. GSP-RM chooses the number; a channel without a group has
/// one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupId(pub(crate) u32);

/// A place in physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) aperture: Aperture,
    pub(crate) address: u64,
}

/// What a channel is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelParams {
    pub(crate) id: ChannelId,
    pub(crate) group: GroupId,
    /// An `NV2080_ENGINE_TYPE`, for RC events; the copy engines among them run.
    pub(crate) engine_type: u32,
    /// The engine's vector of notifications.
    pub(crate) non_stall_vector: Option<u32>,
    /// Virtual address of the ring.
    pub(crate) gpfifo: u64,
    /// Entries of the ring; at least 1.
    pub(crate) gpfifo_entries: u32,
    pub(crate) userd: Location,
    /// The instance block. Only its page directory is looked at, and that when the channel is
    /// made without one.
    pub(crate) instance: Location,
    /// The root of the address space.
    pub(crate) page_directory: Option<PageDirectory>,
    /// Privileged methods and pages are allowed.
    pub(crate) privileged: bool,
    /// Copies in physical mode are an error, even on a privileged channel.
    pub(crate) deny_physical: bool,
    /// Where an error is noted, 16 bytes.
    pub(crate) error_notifier: Option<Location>,
}

/// Why GSP-RM cannot have what it asks of the host engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChannelError {
    #[error("there is a channel with this id")]
    Taken,
    #[error("there is no such channel")]
    Unknown,
    #[error("a ring has at least one entry")]
    NoEntries,
    #[error("there are too many channels")]
    TooMany,
}
