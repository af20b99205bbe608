// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The host engine: channels, and whose turn it is.
//!
//! GSP-RM makes and ends channels here ([`Host::create`] and what follows it), a doorbell starts
//! one, and the timer's thread does the work, a turn at a time ([`Host::run`]). A channel that
//! makes no sense is off its runlist, and an [`RcEvent`] says so; no other channel sees any of it,
//! not even those of its group.
//!
//! | module | holds |
//! |---|---|
//! | here | the table of channels, as GSP-RM and the card see it |
//! | `channel` | what a channel is made with |
//! | `chram` | what registers show of channels |
//! | `schedule` | the round |
//! | `turn` | what a channel does in its turn |
//! | `pbdma` | fetching: ring, push buffers, method headers |
//! | `methods` | what methods do |
//! | `semaphore` | semaphores |
//! | `hold` | what is late, hangs or is lost on the way |
//! | `rc` | errors |

mod channel;
mod chram;
mod hold;
mod methods;
mod pbdma;
mod rc;
mod schedule;
mod semaphore;
mod turn;

pub(crate) use channel::{ChannelError, ChannelId, ChannelParams, GroupId, Location};
pub(crate) use hold::Holds;
pub(crate) use rc::{RcEvent, RcKind};
pub(crate) use schedule::{GroupSettings, Interleave};
pub(crate) use semaphore::SemaphoreOp;
pub(crate) use turn::Environment;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use super::{
    ce::{Transfer, Transferred},
    mmu::{Invalidation, PageDirectory, Tlb},
};
use crate::fault::Kind;
use channel::Channel;
use schedule::Schedule;

/// Most channels: those that fit into a runlist, on a few runlists.
const MAX_CHANNELS: usize = 8192;

/// What the copy engines have done since the card was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Copies that were started.
    pub launches: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// Channels that an error took off their runlists.
    pub faulted: u64,
}

/// Held while something is copied without the card's lock. Who waits for it while it has the
/// card's lock knows that nothing is.
pub(crate) type Underway = Arc<Mutex<()>>;

/// The host engine.
#[derive(Debug)]
pub(crate) struct Host {
    channels: BTreeMap<ChannelId, Channel>,
    schedule: Schedule,
    /// Channels that wait: for a semaphore, or for their time.
    parked: Vec<ChannelId>,
    /// The channels made so far.
    serial: u64,
    underway: Underway,
    shared: Shared,
    rc_events: VecDeque<RcEvent>,
    /// Time slices, interleaving and disabling are accepted and change nothing, as some
    /// firmware is said to do.
    ignores_scheduling: bool,
}

/// What all channels have together.
#[derive(Debug, Default)]
struct Shared {
    tlb: Tlb,
    /// Vectors that are to be raised.
    vectors: Vec<u32>,
    /// A semaphore was released since parked channels last looked.
    released: bool,
    counters: Counters,
    holds: Holds,
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
        self.serial += 1;
        let channel = Channel::new(params, self.serial);
        self.channels.insert(params.id, channel);
        Ok(())
    }

    /// Ends a channel. What it was about to do does not happen any more, and nothing of it is
    /// under way when this returns.
    pub(crate) fn destroy(&mut self, id: ChannelId) -> Result<(), ChannelError> {
        self.channels.remove(&id).ok_or(ChannelError::Unknown)?;
        self.parked.retain(|parked| *parked != id);
        self.rc_events.retain(|event| event.channel != id);
        self.quiesce();
        Ok(())
    }

    /// Puts a channel on its runlist, or takes it off, where it stays as it is.
    pub(crate) fn schedule(&mut self, id: ChannelId, enable: bool) -> Result<(), ChannelError> {
        self.channel(id)?.scheduled = enable;
        match enable {
            true => self.resume(id),
            false => self.quiesce(),
        }
        Ok(())
    }

    /// Takes a channel off its runlist, and waits until nothing of it is under way: a preemption.
    /// On a card that ignores scheduling nothing happens.
    pub(crate) fn disable(&mut self, id: ChannelId) -> Result<(), ChannelError> {
        let ignored = self.ignores_scheduling;
        let channel = self.channel(id)?;
        channel.scheduled &= ignored;
        self.quiesce();
        Ok(())
    }

    /// The address space of a channel is another.
    pub(crate) fn set_page_directory(
        &mut self,
        id: ChannelId,
        root: Option<PageDirectory>,
    ) -> Result<(), ChannelError> {
        self.channel(id)?.params.page_directory = root;
        self.quiesce();
        Ok(())
    }

    /// How long the turns of a group are, and how often it has one.
    pub(crate) fn set_group(&mut self, group: GroupId, settings: GroupSettings) {
        if !self.ignores_scheduling {
            self.schedule.set(group, settings);
        }
    }

    /// A group is no more.
    pub(crate) fn forget_group(&mut self, group: GroupId) {
        self.schedule.forget(group);
    }

    /// Engines forget what they know of page tables, and touch none of it any more when this
    /// returns.
    pub(crate) fn invalidate(&mut self, which: Invalidation) {
        self.shared.tlb.invalidate(which);
        self.quiesce();
    }

    /// The next error that RM has not told its client of.
    pub(crate) fn take_rc_event(&mut self) -> Option<RcEvent> {
        self.rc_events.pop_front()
    }

    /// A channel is on its runlist: it goes on, if its doorbell rang meanwhile.
    fn resume(&mut self, id: ChannelId) {
        if self
            .channels
            .get(&id)
            .is_some_and(|channel| channel.pending)
        {
            self.ready(id);
        }
    }

    fn channel(&mut self, id: ChannelId) -> Result<&mut Channel, ChannelError> {
        self.channels.get_mut(&id).ok_or(ChannelError::Unknown)
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new(Underway::default(), false)
    }
}

/// What the card asks for.
impl Host {
    pub(crate) fn new(underway: Underway, ignores_scheduling: bool) -> Self {
        Self {
            channels: BTreeMap::new(),
            schedule: Schedule::default(),
            parked: Vec::new(),
            serial: 0,
            underway,
            shared: Shared::default(),
            rc_events: VecDeque::new(),
            ignores_scheduling,
        }
    }

    /// As after power-on: no channel is left, and nothing is under way.
    pub(crate) fn reset(&mut self) {
        self.channels.clear();
        self.schedule.clear();
        self.parked.clear();
        self.rc_events.clear();
        self.shared.tlb.invalidate(Invalidation::All);
        self.shared.vectors.clear();
        self.quiesce();
    }

    /// Waits until nothing is copied without the card's lock. That is never long.
    pub(crate) fn quiesce(&self) {
        let underway = self.underway.lock();
        drop(underway.unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn counters(&self) -> Counters {
        self.shared.counters
    }

    /// What is late, and what goes wrong.
    pub(crate) fn holds(&mut self) -> &mut Holds {
        &mut self.shared.holds
    }

    /// A work submit token was written to the doorbell.
    pub(crate) fn doorbell(&mut self, token: u32) {
        let id = ChannelId::of_token(token);
        let Some(channel) = self.channels.get_mut(&id) else {
            return tracing::debug!(token, "a doorbell for no channel");
        };
        channel.pending = true;
        self.ready(id);
    }

    /// Whether a channel waits for its turn, which is to come at once.
    pub(crate) fn is_ready(&self) -> bool {
        !self.schedule.is_empty()
    }

    /// When a channel that waits looks again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let parked = self.parked.iter().filter_map(|id| self.channels.get(id));
        parked.filter_map(Channel::due).min()
    }

    /// A turn, if somebody waits for one. What it leaves to be copied is copied by the caller,
    /// who tells of it with [`Self::transferred`].
    pub(crate) fn run(&mut self, env: &mut Environment<'_>) -> Option<Transfer> {
        self.unpark(env.now);
        let (id, settings) = self.schedule.pop()?;
        let channel = self.channels.get_mut(&id)?;
        channel.queued = false;
        if !channel.runs() {
            return None;
        }
        match turn::run(channel, &mut self.shared, env, &settings) {
            Ok(turn::Turn::Again) => self.ready(id),
            Ok(turn::Turn::Idle) => channel.pending = false,
            Ok(turn::Turn::Parked) => self.parked.push(id),
            Ok(turn::Turn::Hung) => channel.hung = true,
            Ok(turn::Turn::Transfer(transfer)) => {
                channel.in_flight = true;
                return Some(transfer);
            }
            Err(kind) => self.fault(id, kind, env),
        }
        None
    }

    /// What [`Self::run`] left to be copied was.
    pub(crate) fn transferred(&mut self, done: Transferred, env: &mut Environment<'_>) {
        let id = done.ticket.channel;
        let known = self.channels.get_mut(&id);
        let Some(channel) = known.filter(|channel| channel.serial == done.ticket.serial) else {
            return;
        };
        channel.in_flight = false;
        match done.result {
            Ok(bytes) => {
                self.shared.counters.bytes += bytes;
                self.ready(id);
            }
            Err(fault) => {
                env.memory.dma.note_abort();
                self.fault(id, fault.into(), env);
            }
        }
    }

    /// Vectors to raise since this was last asked.
    pub(crate) fn take_vectors(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.shared.vectors)
    }

    /// A fault of the whole card, since this was last asked.
    pub(crate) fn take_fault(&mut self) -> Option<Kind> {
        self.shared.holds.take_fault()
    }

    /// A channel wants a turn; once is enough.
    fn ready(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        if channel.runs() && !channel.queued && !channel.in_flight && channel.due().is_none() {
            channel.queued = true;
            self.schedule.push(channel.params.group, id);
        }
    }

    /// Lets channels look again whose time has come, or all that wait for a semaphore when one
    /// was released.
    fn unpark(&mut self, now: Instant) {
        let released = std::mem::take(&mut self.shared.released);
        let channels = &mut self.channels;
        let mut woken = Vec::new();
        self.parked.retain(|id| {
            let Some(channel) = channels.get_mut(id) else {
                return false;
            };
            let wake = channel.wakes(now, released);
            if wake {
                woken.push(*id);
            }
            !wake
        });
        for id in woken {
            self.ready(id);
        }
    }

    /// A channel is off its runlist for good.
    fn fault(&mut self, id: ChannelId, kind: RcKind, env: &mut Environment<'_>) {
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        channel.fault(kind);
        self.shared.counters.faulted += 1;
        let event = RcEvent {
            channel: id,
            engine_type: channel.params.engine_type,
            kind,
        };
        tracing::warn!(runlist = id.runlist, chid = id.chid, error = %kind, "a channel is off");
        if let Some(at) = channel.params.error_notifier {
            event.notify(at, env);
        }
        self.rc_events.push_back(event);
    }
}

#[cfg(test)]
impl Host {
    /// Whether something is copied without the card's lock.
    pub(crate) fn is_copying(&self) -> bool {
        self.channels.values().any(|channel| channel.in_flight)
    }

    /// The error that took a channel off its runlist.
    pub(crate) fn error_of(&self, id: ChannelId) -> Option<RcEvent> {
        let kind = self.channels.get(&id)?.error?;
        Some(RcEvent {
            channel: id,
            engine_type: self.channels.get(&id)?.params.engine_type,
            kind,
        })
    }
}
