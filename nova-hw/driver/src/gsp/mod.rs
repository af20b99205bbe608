// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP-RM: its memory, its queues, and talking to it.
//!
//! | module | holds |
//! |---|---|
//! | `memory` | what GSP finds in system memory when it starts |
//! | `radix3` | its image there, behind page tables |
//! | `queue` | the message queues |
//! | `rm` | commands and events, from the first to the last |
//! | `sequencer` | register accesses that RM asks for |
//! | `static_info` | what RM tells about the GPU |
//! | `error` | what can be wrong with a message |

mod error;
mod memory;
mod queue;
mod radix3;
mod rm;
mod sequencer;
mod static_info;

pub use error::{MessageError, SequencerError};
pub(crate) use memory::GspMemory;
pub(crate) use rm::{EventSink, Rm, RmEvent};
