// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tenants: who may connect, where, and one live connection for each.

mod listener;
mod socket;
mod spec;
mod work;

pub use listener::TenantListener;
pub use socket::{Owner, Socket, SocketSpec};
pub use spec::{check_distinct, TenantSpec};
pub use work::WorkSpec;

use crate::log_limit::LogLimit;

/// What every part of a tenant's service needs to know about it.
#[derive(Debug)]
pub struct Tenant {
    /// The name from the command line, in every log line about it.
    pub name: String,
    /// Bounds what the tenant can make the daemon log.
    pub log_limit: LogLimit,
}

impl Tenant {
    /// A tenant of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            log_limit: LogLimit::new(),
        }
    }
}
