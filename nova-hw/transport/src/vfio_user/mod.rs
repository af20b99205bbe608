// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A PCI device on a UNIX socket: the vfio-user protocol, both ends of it.
//!
//! # Why not the crate `vfio_user`
//! Version 0.1.7 does not bear a hostile or dying peer, and keeps its stream to itself, so that
//! nothing can be put around it:
//! * its client takes no notice of a reply's error flag (a refused DMA map succeeds), waits
//!   without a time-out, asserts on sizes that the peer sends, and allocates by them;
//! * its server panics on a version text without a terminating zero, allocates up to 4 GiB for
//!   one access, and after an error reads the rest of the message as the next one.
//!
//! Checking in a process in between would double the time of each access. The crate's two ends
//! are what the ones here are tested against.
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `message` | the structures on the wire |
//! | `version` | the handshake's JSON text |
//! | `socket`, `receiver` | whole messages with descriptors |
//! | `client` | [`VfioUser`]: the PCI seam over a socket |
//! | `server` | [`Server`]: any PCI device of the seam, offered on a socket |
//! | `listener` | the socket's file |

mod client;
mod error;
mod listener;
mod message;
mod receiver;
mod server;
mod socket;
mod version;

pub use client::{VfioUser, VfioUserBar, VfioUserMapping};
pub use error::VfioUserError;
pub use listener::{BindError, Listener};
pub use server::{Server, ServerOptions};
