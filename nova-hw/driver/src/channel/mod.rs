// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Channels: what an owner's work gets to an engine by.
//!
//! | module | holds |
//! |---|---|
//! | `place` | where a ring and its USERD are |
//! | `instance` | the instance block |
//! | `objects` | the group, the channel and the engine's object, as RM knows them |
//! | `live` | how many there are, those that are being made or freed among them |
//! | `parts` | a channel and all that it needs |
//! | `stop` | taking channels off the GPU |

mod instance;
mod live;
mod objects;
mod parts;
mod place;
mod stop;

pub(crate) use live::LiveChannels;
pub use parts::Channel;
pub(crate) use parts::{ChannelParts, Wanted};
pub use place::RingPlace;
pub(crate) use place::Userd;
pub(crate) use stop::{pause, resume, stop};
