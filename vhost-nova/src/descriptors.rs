// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Room for file descriptors, made before there are threads.
//!
//! A table of descriptors that grows while threads share it waits for an RCU grace period, which
//! costs the tenant that happens to connect then 10 to 20 ms.

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};

/// Descriptors of the daemon itself, generously.
const BASE: u64 = 64;
/// Descriptors of a tenant: listener, timers and events, connection, worker, five a ring, and one
/// for each memory region, of which a monitor may have 32.
const PER_TENANT: u64 = 64;

/// Makes room for this many tenants: raises the soft limit as far as the hard one allows, and lets
/// the table grow now.
pub fn reserve(tenants: usize) {
    let wanted = BASE + PER_TENANT * tenants as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let current = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
        let raised = Rlimit {
            current: Some(current),
            maximum: limit.maximum,
        };
        if current < wanted || setrlimit(Resource::Nofile, raised).is_err() {
            tracing::warn!(
                "the limit of open files ({current}) may be too low for {tenants} tenants"
            );
        }
    }
    // The highest number that will be needed, given back at once.
    let high = fcntl_dupfd_cloexec(std::io::stderr(), wanted as i32 - 1);
    if let Err(error) = high {
        tracing::debug!("reserving descriptors: {error}");
    }
}
