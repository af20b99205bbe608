// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A bound on what one tenant can make the daemon log.
//!
//! Token buckets: a burst of lines at once, then one a second. What is left out is counted, and
//! the count is given out with the next line that passes. There are two a tenant, so that a flood of
//! refused requests does not hide that the tenant connected, was reset or went away.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lines at once about what a guest does.
const BURST: u32 = 10;
/// Lines at once about the connection as a whole.
const LIFECYCLE_BURST: u32 = 50;
const REFILL: Duration = Duration::from_secs(1);

/// Decides whether the next line may be logged. One for each tenant.
#[derive(Debug)]
pub struct LogLimit {
    requests: Mutex<Bucket>,
    lifecycle: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    burst: u32,
    tokens: u32,
    /// When `tokens` was last brought up to date.
    filled: Instant,
    suppressed: u64,
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new()
    }
}

impl LogLimit {
    /// Full buckets.
    pub fn new() -> Self {
        Self {
            requests: Mutex::new(Bucket::new(BURST)),
            lifecycle: Mutex::new(Bucket::new(LIFECYCLE_BURST)),
        }
    }

    /// `Some` when a line about a request may be logged now, with the number of lines left out
    /// before it.
    pub fn pass(&self) -> Option<u64> {
        self.requests.lock().pass_at(Instant::now())
    }

    /// As [`LogLimit::pass`], for a line about the connection as a whole.
    pub fn pass_lifecycle(&self) -> Option<u64> {
        self.lifecycle.lock().pass_at(Instant::now())
    }

    /// Lines left out and not reported yet; counts them as reported.
    pub fn take_suppressed(&self) -> u64 {
        let take = |bucket: &Mutex<Bucket>| std::mem::take(&mut bucket.lock().suppressed);
        take(&self.requests) + take(&self.lifecycle)
    }
}

impl Bucket {
    fn new(burst: u32) -> Self {
        Self {
            burst,
            tokens: burst,
            filled: Instant::now(),
            suppressed: 0,
        }
    }

    fn pass_at(&mut self, now: Instant) -> Option<u64> {
        let elapsed = now.saturating_duration_since(self.filled);
        let refill = (elapsed.as_secs() / REFILL.as_secs()).min(self.burst.into()) as u32;
        if refill > 0 {
            self.tokens = (self.tokens + refill).min(self.burst);
            self.filled = now;
        }
        if self.tokens == 0 {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.tokens -= 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

/// Logs something that a tenant caused, within the tenant's limit.
///
/// `limited!(warn, tenant, "format {}", args)`, with one of tracing's levels and where `tenant` has
/// the fields `name` and `log_limit`. `warn` is for what requests cause; `info` and `error` are for the
/// connection as a whole.
#[macro_export]
macro_rules! limited {
    (@ $pass:ident, $level:ident, $tenant:expr, $($message:tt)+) => {
        if let Some(suppressed) = $tenant.log_limit.$pass() {
            let tenant = $tenant.name.as_str();
            if suppressed > 0 {
                ::tracing::warn!(tenant, "{suppressed} messages about this tenant suppressed");
            }
            ::tracing::$level!(tenant, $($message)+);
        }
    };
    (warn, $tenant:expr, $($message:tt)+) => {
        $crate::limited!(@ pass, warn, $tenant, $($message)+)
    };
    ($level:ident, $tenant:expr, $($message:tt)+) => {
        $crate::limited!(@ pass_lifecycle, $level, $tenant, $($message)+)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_line_a_second() {
        let mut limit = Bucket::new(BURST);
        let start = limit.filled;
        for _ in 0..BURST {
            assert_eq!(limit.pass_at(start), Some(0));
        }
        assert_eq!(limit.pass_at(start), None);
        assert_eq!(limit.pass_at(start), None);
        let later = start + REFILL;
        assert_eq!(limit.pass_at(later), Some(2));
        assert_eq!(limit.pass_at(later), None);
    }

    #[test]
    fn a_flood_of_requests_leaves_room_for_the_connection() {
        let limit = LogLimit::new();
        while limit.pass().is_some() {}
        assert_eq!(limit.pass_lifecycle(), Some(0));
        assert_eq!(limit.take_suppressed(), 1);
        assert_eq!(limit.take_suppressed(), 0);
    }

    #[test]
    fn a_long_pause_gives_one_burst_and_no_more() {
        let mut limit = Bucket::new(BURST);
        let later = Instant::now() + Duration::from_secs(1_000_000);
        for _ in 0..BURST {
            assert_eq!(limit.pass_at(later), Some(0));
        }
        assert_eq!(limit.pass_at(later), None);
    }
}
