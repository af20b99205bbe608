// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What keeps a channel from what comes next: times that a seed draws, and faults of a plan.

use std::time::Duration;

use super::ChannelId;
use crate::{
    deferred::Delays,
    fault::{Armed, FaultPlan, Kind, Place},
};

/// Where a channel may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostPlace {
    /// Before an entry of the ring is fetched.
    Fetch,
    /// Before a copy starts.
    Copy,
    /// Before a semaphore is looked at or set.
    Semaphore,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Go,
    /// It does not happen.
    Skip,
    /// It happens later.
    Sleep(Duration),
    /// It does not happen, and nothing after it.
    Hang,
}

/// All that may.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    delays: Option<Delays>,
    faults: Armed,
    fault: Option<Kind>,
}

impl Holds {
    /// Everything is late from now on.
    pub(crate) fn set_delays(&mut self, delays: Delays) {
        self.delays = Some(delays);
    }

    /// Puts a fault plan's channels in place.
    pub(crate) fn set_faults(&mut self, plan: &FaultPlan) {
        self.faults = Armed::new(plan, |place| {
            matches!(
                place,
                Place::Fetch(_) | Place::Copy(_) | Place::Semaphore(_)
            )
        });
    }

    pub(super) fn take_fault(&mut self) -> Option<Kind> {
        self.fault.take()
    }

    /// A channel gets somewhere.
    pub(super) fn at(&mut self, place: HostPlace, channel: ChannelId) -> Hold {
        let chid = u32::from(channel.chid);
        let fault = self.faults.hit(|at| match (at, place) {
            (Place::Fetch(which), HostPlace::Fetch)
            | (Place::Copy(which), HostPlace::Copy)
            | (Place::Semaphore(which), HostPlace::Semaphore) => {
                which.is_none_or(|which| which == chid)
            }
            _ => false,
        });
        match fault {
            Some(Kind::Drop | Kind::Corrupt(_)) => Hold::Skip,
            Some(Kind::Delay(delay)) => Hold::Sleep(delay),
            Some(Kind::Hang) => Hold::Hang,
            Some(Kind::AllOnes) => {
                self.fault = fault;
                Hold::Hang
            }
            None => match &mut self.delays {
                Some(delays) => Hold::Sleep(delays.draw()),
                None => Hold::Go,
            },
        }
    }
}
