// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The operator's socket: who is there, and what have they.
//!
//! The protocol is that of `docs/operator.md`. The daemon's end lives in the main loop; whoever asks can make it
//! wait for nothing, and hold only a bounded number of connections, bytes and seconds.
//!
//! | module | role |
//! |---|---|
//! | `protocol` | what is sent, both ways |
//! | `admission` | who may ask |
//! | `client` | one connection, from accept to close |
//! | [`OperatorListener`] | the socket in the main loop |
//! | [`query`] | the other end: `vhost-nova status` |

mod admission;
mod client;
mod listener;
mod protocol;
pub mod query;

pub use listener::{OperatorListener, Source};
pub use protocol::{
    Answer, Command, ContextStatus, Request, Status, TenantStatus, WorkStatus, MAX_REQUEST,
};

/// Where `vhost-nova status` asks when it is not told.
pub const DEFAULT_PATH: &str = "/run/vhost-nova/control.sock";
