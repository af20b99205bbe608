// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Whose turn it is: groups in a round, and in each its channels.

use std::collections::{BTreeMap, VecDeque};

use super::{ChannelId, GroupId};

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

impl Interleave {
    /// Turns in a row.
    fn turns(self) -> u32 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 4,
        }
    }
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

impl GroupSettings {
    /// Methods of a turn: about two a microsecond.
    pub(super) fn methods(&self) -> u64 {
        self.timeslice_us.clamp(50, 5000) / 2
    }

    /// Bytes of a turn: about what is copied in its time, and never more than in the time that a
    /// reset or an invalidation may wait.
    pub(super) fn bytes(&self) -> u64 {
        self.timeslice_us.clamp(64, DEFAULT_TIMESLICE_US) << 13
    }
}

#[derive(Debug, Default)]
struct Group {
    settings: GroupSettings,
    ready: VecDeque<ChannelId>,
    /// It is in the round.
    in_round: bool,
    /// Turns that it has had in a row.
    had: u32,
}

/// The round.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    groups: BTreeMap<GroupId, Group>,
    round: VecDeque<GroupId>,
}

impl Schedule {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn set(&mut self, group: GroupId, settings: GroupSettings) {
        self.groups.entry(group).or_default().settings = settings;
    }

    /// The group is no more. A channel of it that is ready stays so.
    pub(super) fn forget(&mut self, group: GroupId) {
        match self.groups.get_mut(&group) {
            Some(known) if known.in_round => known.settings = GroupSettings::default(),
            _ => drop(self.groups.remove(&group)),
        }
    }

    /// Whether any channel waits for its turn.
    pub(super) fn is_empty(&self) -> bool {
        self.round.is_empty()
    }

    /// A channel, which is not in it, waits for its turn.
    pub(super) fn push(&mut self, group: GroupId, channel: ChannelId) {
        let known = self.groups.entry(group).or_default();
        known.ready.push_back(channel);
        if !known.in_round {
            known.in_round = true;
            self.round.push_back(group);
        }
    }

    /// Whose turn it is.
    pub(super) fn pop(&mut self) -> Option<(ChannelId, GroupSettings)> {
        while let Some(&first) = self.round.front() {
            let Some(group) = self.groups.get_mut(&first) else {
                self.round.pop_front();
                continue;
            };
            let Some(channel) = group.ready.pop_front() else {
                (group.in_round, group.had) = (false, 0);
                self.round.pop_front();
                continue;
            };
            group.had += 1;
            if group.had >= group.settings.interleave.turns() {
                group.had = 0;
                self.round.rotate_left(1);
            }
            return Some((channel, group.settings));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(chid: u16) -> ChannelId {
        ChannelId { runlist: 0, chid }
    }

    /// Who has the next turns, each of which has more to do after it.
    fn turns(schedule: &mut Schedule, groups: &[(u16, u32)], count: usize) -> Vec<u16> {
        let mut order = Vec::new();
        for _ in 0..count {
            let (channel, _) = schedule.pop().unwrap();
            let group = groups.iter().find(|(chid, _)| *chid == channel.chid);
            schedule.push(GroupId(group.unwrap().1), channel);
            order.push(channel.chid);
        }
        order
    }

    #[test]
    fn groups_take_turns_and_so_do_the_channels_of_each() {
        let mut schedule = Schedule::default();
        let groups = [(1, 10), (2, 10), (3, 20)];
        for (chid, group) in groups {
            schedule.push(GroupId(group), id(chid));
        }
        assert_eq!(turns(&mut schedule, &groups, 6), [1, 3, 2, 3, 1, 3]);
    }

    #[test]
    fn interleaving_gives_more_turns_and_a_time_slice_longer_ones() {
        let mut schedule = Schedule::default();
        let groups = [(1, 10), (2, 20)];
        let settings = GroupSettings {
            timeslice_us: 100,
            interleave: Interleave::High,
        };
        schedule.set(GroupId(10), settings);
        for (chid, group) in groups {
            schedule.push(GroupId(group), id(chid));
        }
        assert_eq!(turns(&mut schedule, &groups, 6), [1, 1, 1, 1, 2, 1]);
        assert!(settings.methods() < GroupSettings::default().methods());
        assert!(settings.bytes() < GroupSettings::default().bytes());
        assert_eq!(schedule.pop().map(|(_, settings)| settings), Some(settings));
        schedule.clear();
        assert!(schedule.is_empty() && schedule.pop().is_none());
    }
}
