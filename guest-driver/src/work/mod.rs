// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces, queues and what they do (docs/virtio-nova.md, sections 6.5 to 8).
//!
//! Binds of an address space and submissions of a queue are *jobs* on a *timeline*: sent to the host in order, each when what it
//! waits for is over or known to the host, and over when the host's sequence number in the timeline's slot says so.
//!
//! | module | role |
//! |---|---|
//! | `slots` | the fence memory, and who has which slot of it |
//! | `job` | one bind or submission, and its fence |
//! | `timeline` | jobs in order: sending, signalling, loss |
//! | `worker` | what is done in process context, and by the clock |
//! | `sync` | sync objects of a call |
//! | `lost` | DRM events |
//! | `wait` | waiting for a fence |
//! | `vm`, `queue` | address spaces and queues of a file |
//! | `mappings` | what an address space maps |
//!
//! Locks nest in this order: a fence's, a timeline's, the control queue's. A fence is signalled with none of ours held.

#[cfg(home = "kernel")]
mod job;
#[cfg(home = "kernel")]
mod lost;
mod mappings;
#[cfg(home = "kernel")]
mod queue;
#[cfg(home = "kernel")]
mod slots;
#[cfg(home = "kernel")]
mod sync;
#[cfg(home = "kernel")]
mod timeline;
#[cfg(home = "kernel")]
mod vm;
#[cfg(home = "kernel")]
mod wait;
#[cfg(home = "kernel")]
mod worker;

#[cfg(home = "kernel")]
pub(crate) use self::{
    job::JobFence,
    lost::Reason,
    queue::Queue,
    slots::{Slot, Slots},
    sync::MAX_SYNCS,
    vm::{QueueOf, Vm},
    worker::Workers,
};
