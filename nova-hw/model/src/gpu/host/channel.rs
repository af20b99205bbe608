// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A channel: as GSP-RM describes it, and how far it is.

use std::time::Instant;

use super::{
    super::{
        ce::{Job, Ticket},
        mmu::{Aperture, PageDirectory},
    },
    methods::{Methods, Todo},
    pbdma::Pbdma,
    RcKind,
};

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

/// A channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) params: ChannelParams,
    /// Which of all the channels made.
    pub(super) serial: u64,
    /// On its runlist.
    pub(super) scheduled: bool,
    /// It waits for its turn.
    pub(super) queued: bool,
    /// Something of it is copied without the card's lock.
    pub(super) in_flight: bool,
    /// Its doorbell rang, and it has not been idle since.
    pub(super) pending: bool,
    /// What took it off its runlist for good.
    pub(super) error: Option<RcKind>,
    /// A fault of a plan has it do nothing any more.
    pub(super) hung: bool,
    pub(super) pbdma: Pbdma,
    pub(super) methods: Methods,
    /// What comes before the next method.
    pub(super) todo: Option<Todo>,
    pub(super) job: Option<Job>,
    /// Since when it waits for a semaphore.
    pub(super) waits: Option<Instant>,
    /// When it looks at that again, while it does not.
    pub(super) look: Option<Instant>,
    /// Until when it does nothing.
    pub(super) asleep: Option<Instant>,
    /// It has slept enough for what comes next.
    pub(super) rested: bool,
}

impl Channel {
    pub(super) fn new(params: ChannelParams, serial: u64) -> Self {
        Self {
            params,
            serial,
            scheduled: false,
            queued: false,
            in_flight: false,
            pending: false,
            error: None,
            hung: false,
            pbdma: Pbdma::default(),
            methods: Methods::default(),
            todo: None,
            job: None,
            waits: None,
            look: None,
            asleep: None,
            rested: false,
        }
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket {
            channel: self.params.id,
            serial: self.serial,
        }
    }

    /// Whether it may have turns.
    pub(super) fn runs(&self) -> bool {
        self.scheduled && self.error.is_none() && !self.hung
    }

    /// When it looks again, while it waits.
    pub(super) fn due(&self) -> Option<Instant> {
        self.asleep.or(self.look)
    }

    /// Whether it stops waiting now.
    pub(super) fn wakes(&mut self, now: Instant, released: bool) -> bool {
        let due = self.due().is_none_or(|due| due <= now);
        let wakes = due || released && self.asleep.is_none();
        if wakes {
            self.rested |= self.asleep.take().is_some();
            self.look = None;
        }
        wakes
    }

    /// An error: nothing that was begun goes on.
    pub(super) fn fault(&mut self, kind: RcKind) {
        self.error = Some(kind);
        (self.job, self.todo) = (None, None);
        (self.waits, self.look, self.asleep) = (None, None, None);
    }
}
