// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Every channel of the card. Ids are unique over all runlists, so that an id alone says whose
//! channel an error is about.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use nova_pci::EventFd;
use nova_spec::rm::event::RcTriggered;
use parking_lot::Mutex;

use super::{ChannelFault, FaultReason, Signal};

/// Ids are below this: RM's numbering of USERD pages ends there.
const CHIDS: u32 = 2048;

/// What the driver knows of a channel, shared by the channel and by who learns of its errors.
#[derive(Debug)]
pub(crate) struct ChannelState {
    pub(crate) chid: u32,
    /// Its engine's notifications. Raised for the channel's end too.
    pub(crate) signal: Arc<Signal>,
    fault: OnceLock<FaultReason>,
    /// Where its owner hears of faults.
    owner: Arc<OwnerEvents>,
    /// Told of each notification of the engine.
    notify: Mutex<Option<EventFd>>,
}

impl ChannelState {
    /// Why it has ended, if it has.
    pub(crate) fn fault(&self) -> Option<FaultReason> {
        self.fault.get().copied()
    }

    /// It has ended; the first reason counts.
    pub(crate) fn end(&self, reason: FaultReason) {
        if self.fault.set(reason).is_ok() {
            let chid = self.chid;
            self.owner.push(ChannelFault { chid, reason });
            self.signal.raise();
            self.notify();
        }
    }

    /// Who is told of each notification of the engine, and of the channel's end.
    pub(crate) fn set_notify(&self, event: Option<EventFd>) {
        *self.notify.lock() = event;
    }

    fn notify(&self) {
        if let Some(event) = &*self.notify.lock() {
            // It fails only where 2^64 - 2 of them wait, and then one more says nothing new.
            let _ = event.write(1);
        }
    }
}

/// What an owner has not heard of its channels yet: one fault a channel, so that it is bounded by
/// their number.
#[derive(Debug)]
pub(crate) struct OwnerEvents {
    faults: Mutex<Vec<ChannelFault>>,
    event: EventFd,
}

impl OwnerEvents {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            faults: Mutex::default(),
            // EFD_NONBLOCK.
            event: EventFd::new(0o4000)?,
        })
    }

    fn push(&self, fault: ChannelFault) {
        self.faults.lock().push(fault);
        let _ = self.event.write(1);
    }

    /// The faults since this was last asked.
    pub(crate) fn take(&self) -> Vec<ChannelFault> {
        // Whoever comes between the two wakes the reader once too often.
        let _ = self.event.read();
        std::mem::take(&mut *self.faults.lock())
    }

    /// Readable while there are faults.
    pub(crate) fn event(&self) -> &EventFd {
        &self.event
    }
}

/// All channels.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    channels: BTreeMap<u32, Arc<ChannelState>>,
    last: u32,
}

impl Table {
    /// An id that was not used for as long as possible: a late error must not hit a successor.
    fn free_chid(&self) -> Option<u32> {
        // Id 0 is RM's.
        let after = (self.last + 1).max(1)..CHIDS;
        after
            .chain(1..CHIDS)
            .find(|chid| !self.channels.contains_key(chid))
    }
}

impl Channels {
    /// A new channel with an id; `None` when there is none left. It is known until
    /// [`Self::remove`].
    pub(crate) fn add(
        &self,
        signal: &Arc<Signal>,
        owner: &Arc<OwnerEvents>,
    ) -> Option<Arc<ChannelState>> {
        let mut table = self.table.lock();
        let chid = table.free_chid()?;
        let state = Arc::new(ChannelState {
            chid,
            signal: signal.clone(),
            fault: OnceLock::new(),
            owner: owner.clone(),
            notify: Mutex::new(None),
        });
        table.last = chid;
        table.channels.insert(chid, state.clone());
        Some(state)
    }

    /// The id is free again.
    pub(crate) fn remove(&self, state: &ChannelState) {
        self.table.lock().channels.remove(&state.chid);
    }

    /// RM says that a channel had an error, which has ended its group: a channel is alone in one.
    pub(crate) fn rc_triggered(&self, event: &RcTriggered) {
        let (chid, reason) = (event.chid.get(), FaultReason::of(event));
        match self.table.lock().channels.get(&chid) {
            Some(channel) => {
                tracing::warn!(chid, %reason, "a channel has ended");
                channel.end(reason);
            }
            None => tracing::warn!(chid, %reason, "an error of a channel that there is not"),
        }
    }

    /// Ends every channel.
    pub(crate) fn end_all(&self, reason: FaultReason) {
        for channel in self.table.lock().channels.values() {
            channel.end(reason);
        }
    }

    /// An engine has raised its vector: wakes who waits for it.
    pub(crate) fn notify(&self, signal: &Arc<Signal>) {
        signal.raise();
        let table = self.table.lock();
        let channels = table.channels.values();
        for channel in channels.filter(|channel| Arc::ptr_eq(&channel.signal, signal)) {
            channel.notify();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    fn owner() -> Arc<OwnerEvents> {
        Arc::new(OwnerEvents::new().unwrap())
    }

    fn rc(chid: u32, except_type: u32) -> RcTriggered {
        let mut event = RcTriggered::new_zeroed();
        event.chid = chid.into();
        event.exceptType = except_type.into();
        event.mmuFaultAddrHi = 0x1.into();
        event.mmuFaultAddrLo = 0x2000.into();
        event.mmuFaultType = 2.into();
        event
    }

    #[test]
    fn an_error_ends_its_channel_and_no_other() {
        let (channels, signal) = (Channels::default(), Arc::new(Signal::default()));
        let (one, other) = (owner(), owner());
        let first = channels.add(&signal, &one).unwrap();
        let second = channels.add(&signal, &one).unwrap();
        let third = channels.add(&signal, &other).unwrap();
        channels.rc_triggered(&rc(second.chid, 31));
        let reason = FaultReason::Mmu {
            address: 0x1_0000_2000,
            fault_type: 2,
        };
        assert_eq!(first.fault(), None);
        assert_eq!(second.fault(), Some(reason));
        assert_eq!(third.fault(), None);
        let chid = second.chid;
        assert_eq!(one.take(), [ChannelFault { chid, reason }]);
        assert!(other.take().is_empty() && one.take().is_empty());
        assert_eq!(signal.count(), 1);
        // The first reason counts, and is told once.
        channels.rc_triggered(&rc(first.chid, 32));
        channels.end_all(FaultReason::Lost);
        assert_eq!(first.fault(), Some(FaultReason::Rc(32)));
        assert_eq!(second.fault(), Some(reason));
        assert_eq!(one.take().len(), 1);
        assert_eq!(other.take()[0].reason, FaultReason::Lost);
        // Nobody's.
        channels.rc_triggered(&rc(2047, 31));
        channels.rc_triggered(&rc(u32::MAX, 31));
    }

    #[test]
    fn ids_are_used_again_as_late_as_possible() {
        let (channels, signal, owner) = (Channels::default(), Arc::default(), owner());
        let first = channels.add(&signal, &owner).unwrap();
        assert_eq!(first.chid, 1);
        channels.remove(&first);
        let mut all = Vec::new();
        while let Some(channel) = channels.add(&signal, &owner) {
            all.push(channel);
        }
        let chids: Vec<_> = all.iter().map(|channel| channel.chid).collect();
        assert_eq!(chids.len(), 2047);
        assert_eq!((chids[0], chids[2045], chids[2046]), (2, 2047, 1));
        channels.remove(&all[7]);
        assert_eq!(channels.add(&signal, &owner).unwrap().chid, 9);
    }

    #[test]
    fn notifications_are_for_one_engine() {
        let channels = Channels::default();
        let (one, other) = (Arc::new(Signal::default()), Arc::new(Signal::default()));
        let owner = owner();
        let channel = channels.add(&one, &owner).unwrap();
        let event = EventFd::new(0o4000).unwrap();
        channel.set_notify(Some(event.try_clone().unwrap()));
        channels.notify(&other);
        assert!(event.read().is_err());
        channels.notify(&one);
        channels.notify(&one);
        assert_eq!(event.read().unwrap(), 2);
        assert_eq!((one.count(), other.count()), (2, 1));
        channel.end(FaultReason::Stopped);
        assert_eq!(event.read().unwrap(), 1);
    }
}
