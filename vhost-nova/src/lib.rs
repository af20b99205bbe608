// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The daemon that shares one NVIDIA GPU among virtual machines.
//!
//! Each tenant is one virtual machine behind one vhost-user socket; what its guest sees is the
//! device of `docs/virtio-nova.md`. From the outside in:
//!
//! | module | role |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`serve`] | the one main loop: listeners, signals, ends of connections |
//! | [`tenant`] | who may connect: names, sockets, one live connection each |
//! | [`connection`] | one vhost-user connection: feature negotiation, memory, its worker |
//! | [`queue`] | virtqueues: descriptor chains, the control and the event queue |
//! | [`device`] | what the commands do, on `drm-core`'s hosted home |
//! | `descriptors` | room for file descriptors |
//! | [`gpu`] | the GPU, reached through its driver only |
//! | [`probe`] | the command that tries a GPU |
//! | [`devices`] | the command that lists cards |
//! | [`work`] | what of that is work on the GPU: address spaces, queues, fences |
//! | [`sigbus`] | survival of guest memory that its owner truncates |
//! | [`operator`] | the socket on which an operator asks what there is |
//! | [`log_limit`] | a bound on what a guest can write into the log |
//!
//! A guest, and the machine monitor that it runs in, are taken as hostile: see `connection` for
//! the memory table, `queue` for what a ring may hold, `sigbus` for memory that goes away.

pub mod cli;
pub mod connection;
mod descriptors;
pub mod device;
pub mod devices;
pub mod error;
pub mod gpu;
pub mod log_limit;
pub mod operator;
pub mod probe;
pub mod queue;
pub mod serve;
pub mod sigbus;
pub mod tenant;
pub mod work;
