// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Faults as data: a plan says at which access, message or DMA which kind of fault happens,
//! and the one model has them happen. [`FaultPlan`] is parsed from text, a fault a line:
//!
//! ```text
//! # where           which                             when             what
//! read              NV_PFALCON_FALCON_CPUCTL(SEC2)    nth=2            corrupt xor=0x10
//! read              0x118234                          times=*          corrupt value=0
//! write             NV_PFALCON_FALCON_ENGINE(GSP)                      drop
//! message           0x1001                                             delay=20ms
//! message           65                                                 corrupt checksum
//! command           47                                                 hang
//! dma-read          0x10000..0x11000                  nth=3            all-ones
//! copy              7                                 nth=2            hang
//! ```
//!
//! | where | which |
//! |---|---|
//! | `read`, `write` | a register of BAR0, by name or offset; `*` is any |
//! | `message` | what GSP-RM sends, by function or event number; `*` is any |
//! | `command` | what GSP-RM receives, by function number; `*` is any |
//! | `dma-read`, `dma-write` | bus addresses that the card's DMA touches; `*` is any |
//! | `fetch`, `copy`, `semaphore` | a step of a channel, by the channel's id; `*` is any |
//!
//! `nth=N` (1 when not given) is the first occurrence that is hit, `times=N` (1; `*` is
//! for ever) how many are. Occurrences are counted from the installation of the plan; a reset
//! of the card does not start them anew.
//!
//! | what | on a read | on a write | on a message or command | on DMA |
//! |---|---|---|---|---|
//! | `drop` | answers 0 | is lost | is lost | reads as 0, writes nothing |
//! | `delay=Nms` | answers what it answered before | has its effect later | is sent, or seen, later | as `drop` |
//! | `corrupt` | `xor=X` or `value=X` | the same | `checksum`, `sequence`, `function`, `length`, `result`, `signature` or `payload`; a command: as `drop` | every bit inverted |
//! | `hang` | the chip stops: registers keep their content, nothing has an effect, until a reset | | | |
//! | `all-ones` | the card falls off the bus: every read is all-ones, until a reset | | | |
//!
//! A step of a channel that is `drop`ped or `corrupt` does not happen, and the channel goes on;
//! one that is delayed happens later; with `hang` the channel, and no other, does nothing any more.

mod armed;
mod parse;

pub(crate) use armed::Armed;
pub use parse::ParseError;

use std::{ops::RangeInclusive, time::Duration};

/// Where a fault happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A read of a register of BAR0; `None` is any.
    Read(Option<u32>),
    /// A write of a register of BAR0; `None` is any.
    Write(Option<u32>),
    /// A message from GSP-RM, by its function; `None` is any.
    Message(Option<u32>),
    /// A command to GSP-RM, by its function; `None` is any.
    Command(Option<u32>),
    /// DMA from memory that touches one of these bus addresses.
    DmaRead(RangeInclusive<u64>),
    /// DMA to memory that touches one of these bus addresses.
    DmaWrite(RangeInclusive<u64>),
    /// A channel, by its id, fetches an entry of its ring; `None` is any.
    Fetch(Option<u32>),
    /// A channel starts a copy; `None` is any.
    Copy(Option<u32>),
    /// A channel looks at a semaphore for the first time, or sets it; `None` is any.
    Semaphore(Option<u32>),
}

/// What of a value becomes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// These bits are inverted.
    Xor(u32),
    /// It is this value.
    Value(u32),
    /// A message's checksum does not fit.
    Checksum,
    /// A message's sequence number is not the next.
    Sequence,
    /// A message's function is one that there is not.
    Function,
    /// A message's length is more than it can be.
    Length,
    /// A message's result is an error.
    RpcResult,
    /// A message's RPC header has another signature.
    Signature,
    /// The first byte of a message's payload is inverted; the checksum fits.
    Payload,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does not happen.
    Drop,
    /// It happens later.
    Delay(Duration),
    /// It happens with another value.
    Corrupt(Corruption),
    /// The chip stops.
    Hang,
    /// The card falls off the bus.
    AllOnes,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// The first occurrence that is hit, from 1.
    pub nth: u32,
    /// How many are hit; `None` is all from then on.
    pub times: Option<u32>,
    /// What happens.
    pub kind: Kind,
}

impl Fault {
    /// A fault at the first occurrence only.
    pub fn once(place: Place, kind: Kind) -> Self {
        Self {
            place,
            nth: 1,
            times: Some(1),
            kind,
        }
    }
}

/// Faults, of which the first that fits an occurrence is the one that happens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// The faults.
    pub faults: Vec<Fault>,
}

impl From<Fault> for FaultPlan {
    fn from(fault: Fault) -> Self {
        Self {
            faults: vec![fault],
        }
    }
}

#[cfg(test)]
mod tests;
