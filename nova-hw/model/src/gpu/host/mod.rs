// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The host engine: channels, and whose turn it is.
//!
//! GSP-RM makes and ends channels here, a doorbell starts one, and the timer's thread does the
//! work. A channel that makes no sense is off its runlist, and an [`RcEvent`] says so; no other
//! channel sees any of it.
#![allow(dead_code)] // its users come one by one

mod channel;
mod rc;

#[allow(unused_imports)]
pub(crate) use channel::{ChannelError, ChannelId, ChannelParams, GroupId, Location};
#[allow(unused_imports)]
pub(crate) use rc::{RcEvent, RcKind};

use std::collections::{BTreeMap, VecDeque};

use super::mmu::{Invalidation, PageDirectory, Tlb};

/// Most channels: those that fit into a runlist, on a few runlists.
const MAX_CHANNELS: usize = 4096;
/// How long a group runs before it is another's turn, unless RM says so.
const DEFAULT_TIMESLICE_US: u64 = 2000;

/// How often it is a group's turn, next to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Interleave {
    #[default]
    Low,
    Medium,
    High,
}

/// What RM sets of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupSettings {
    pub(crate) timeslice_us: u64,
    pub(crate) interleave: Interleave,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            timeslice_us: DEFAULT_TIMESLICE_US,
            interleave: Interleave::default(),
        }
    }
}

/// What the copy engines have done since power-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Copies that were started.
    pub(crate) launches: u64,
    /// Bytes that were written.
    pub(crate) bytes: u64,
    /// Channels that an error took off their runlists.
    pub(crate) faulted: u64,
}

#[derive(Debug)]
struct Channel {
    params: ChannelParams,
    /// On its runlist.
    scheduled: bool,
    /// RM has to make it anew.
    faulted: bool,
}

/// The host engine.
#[derive(Debug, Default)]
pub(crate) struct Host {
    channels: BTreeMap<ChannelId, Channel>,
    groups: BTreeMap<GroupId, GroupSettings>,
    tlb: Tlb,
    rc_events: VecDeque<RcEvent>,
    counters: Counters,
    /// Time slices, interleaving and disabling are accepted and change nothing.
    ignores_scheduling: bool,
}

/// What GSP-RM asks for.
impl Host {
    /// Makes a channel, which is not on its runlist yet.
    pub(crate) fn create(&mut self, params: ChannelParams) -> Result<(), ChannelError> {
        if self.channels.contains_key(&params.id) {
            return Err(ChannelError::Taken);
        }
        if params.gpfifo_entries == 0 {
            return Err(ChannelError::NoEntries);
        }
        if self.channels.len() >= MAX_CHANNELS {
            return Err(ChannelError::TooMany);
        }
        let channel = Channel {
            params,
            scheduled: false,
            faulted: false,
        };
        self.channels.insert(params.id, channel);
        Ok(())
    }

    /// Ends a channel. What it was about to do does not happen any more, and nothing of it is
    /// under way when this returns.
    pub(crate) fn destroy(&mut self, id: ChannelId) -> Result<(), ChannelError> {
        let known = self.channels.remove(&id);
        known.map(drop).ok_or(ChannelError::Unknown)
    }

    /// Puts a channel on its runlist, or takes it off.
    pub(crate) fn schedule(&mut self, id: ChannelId, enable: bool) -> Result<(), ChannelError> {
        self.channel(id)?.scheduled = enable;
        Ok(())
    }

    /// Takes a channel off its runlist, as [`Self::schedule`] does, and waits until nothing of
    /// it is under way; on a card that ignores scheduling, nothing happens.
    pub(crate) fn disable(&mut self, id: ChannelId) -> Result<(), ChannelError> {
        let ignored = self.ignores_scheduling;
        let channel = self.channel(id)?;
        channel.scheduled &= ignored;
        Ok(())
    }

    /// The address space of a channel is another.
    pub(crate) fn set_page_directory(
        &mut self,
        id: ChannelId,
        root: Option<PageDirectory>,
    ) -> Result<(), ChannelError> {
        self.channel(id)?.params.page_directory = root;
        Ok(())
    }

    /// How long the turns of a group are, and how often it has one.
    pub(crate) fn set_group(&mut self, group: GroupId, settings: GroupSettings) {
        if !self.ignores_scheduling {
            self.groups.insert(group, settings);
        }
    }

    /// A group is no more.
    pub(crate) fn forget_group(&mut self, group: GroupId) {
        self.groups.remove(&group);
    }

    /// Engines forget what they know of page tables.
    pub(crate) fn invalidate(&mut self, which: Invalidation) {
        self.tlb.invalidate(which);
    }

    /// The next error that RM has not told its client of.
    pub(crate) fn take_rc_event(&mut self) -> Option<RcEvent> {
        self.rc_events.pop_front()
    }

    fn channel(&mut self, id: ChannelId) -> Result<&mut Channel, ChannelError> {
        self.channels.get_mut(&id).ok_or(ChannelError::Unknown)
    }
}

/// What the card asks for.
impl Host {
    /// As after power-on: no channel is left.
    pub(crate) fn reset(&mut self) {
        self.channels.clear();
        self.groups.clear();
        self.rc_events.clear();
        self.tlb.invalidate(Invalidation::All);
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    /// A work submit token was written to the doorbell.
    pub(crate) fn doorbell(&mut self, token: u32) {
        let id = ChannelId::of_token(token);
        if !self.channels.contains_key(&id) {
            tracing::debug!(token, "a doorbell for no channel");
        }
    }
}
