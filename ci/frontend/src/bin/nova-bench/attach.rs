// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Tenants that connect, negotiate and then do nothing: what that takes.

use std::time::Instant;

use anyhow::Result;
use lab_frontend::{Options, Profile, Vmm};

use crate::daemon::Daemon;
use crate::report::Row;
use crate::target::negotiate;

/// Connects this many tenants, one after the other. Returns them with the time that each took
/// from connect to the first answer, and the daemon's resident memory in KiB for each.
pub fn idle_tenants(daemon: &Daemon, tenants: usize) -> Result<(Vec<Vmm>, Row, f64)> {
    let mut row = Row::new("attach to first answer");
    let mut connected = Vec::new();
    let before = daemon.rss_kib()?;
    for tenant in 0..tenants {
        let start = Instant::now();
        let mut vmm = Vmm::attach(daemon.socket(tenant), Options::new(Profile::Qemu))?;
        negotiate(&mut vmm)?;
        row.add(start.elapsed());
        connected.push(vmm);
    }
    let grown = daemon.rss_kib()?.saturating_sub(before);
    Ok((connected, row, grown as f64 / tenants.max(1) as f64))
}
