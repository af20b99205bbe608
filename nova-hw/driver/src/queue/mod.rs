// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Channels whose ring the driver fills itself.
//!
//! | module | holds |
//! |---|---|
//! | `layout` | what is where in a queue's memory |
//! | `ring` | positions: what was submitted, what is done, what is free |
//! | `writer` | words into the push buffer, entries into the ring |
//! | `submit` | submitting, the driver's own operations too |
//! | `segments` | submitting what somebody else has written |
//! | `copy_queue` | a queue of a copy engine |
//! | `fence` | when something is done |

mod copy_queue;
mod fence;
mod layout;
mod ring;
mod segments;
mod submit;
mod writer;

pub use copy_queue::CopyQueue;
pub use fence::{Fence, FenceError};
pub use segments::Segment;
pub use submit::SubmitError;
