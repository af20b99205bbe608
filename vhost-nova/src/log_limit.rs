// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A bound on what one tenant can make the daemon log.
//!
//! A token bucket: a burst of lines at once, then one a second. What is left out is counted, and
//! the count is given out with the next line that passes.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

const BURST: u32 = 10;
const REFILL: Duration = Duration::from_secs(1);

/// Decides whether the next line may be logged. One for each tenant.
#[derive(Debug)]
pub struct LogLimit {
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
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
    /// A full bucket.
    pub fn new() -> Self {
        Self {
            bucket: Mutex::new(Bucket {
                tokens: BURST,
                filled: Instant::now(),
                suppressed: 0,
            }),
        }
    }

    /// `Some` when a line may be logged now, with the number of lines left out before it.
    pub fn pass(&self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    /// Lines left out and not reported yet; counts them as reported.
    pub fn take_suppressed(&self) -> u64 {
        std::mem::take(&mut self.bucket.lock().suppressed)
    }

    fn pass_at(&self, now: Instant) -> Option<u64> {
        let mut bucket = self.bucket.lock();
        let elapsed = now.saturating_duration_since(bucket.filled);
        let refill = (elapsed.as_secs() / REFILL.as_secs()).min(BURST.into()) as u32;
        if refill > 0 {
            bucket.tokens = (bucket.tokens + refill).min(BURST);
            bucket.filled = now;
        }
        if bucket.tokens == 0 {
            bucket.suppressed = bucket.suppressed.saturating_add(1);
            return None;
        }
        bucket.tokens -= 1;
        Some(std::mem::take(&mut bucket.suppressed))
    }
}

/// Logs something that a tenant caused, within the tenant's limit.
///
/// `limited!(warn, tenant, "format {}", args)`, with one of tracing's levels and where `tenant` has
/// the fields `name` and `log_limit`.
#[macro_export]
macro_rules! limited {
    ($level:ident, $tenant:expr, $($message:tt)+) => {
        if let Some(suppressed) = $tenant.log_limit.pass() {
            let tenant = $tenant.name.as_str();
            if suppressed > 0 {
                ::tracing::warn!(tenant, "{suppressed} messages about this tenant suppressed");
            }
            ::tracing::$level!(tenant, $($message)+);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_line_a_second() {
        let limit = LogLimit::new();
        let start = Instant::now();
        for _ in 0..BURST {
            assert_eq!(limit.pass_at(start), Some(0));
        }
        assert_eq!(limit.pass_at(start), None);
        assert_eq!(limit.pass_at(start), None);
        let later = start + REFILL;
        assert_eq!(limit.pass_at(later), Some(2));
        assert_eq!(limit.pass_at(later), None);
        assert_eq!(limit.take_suppressed(), 1);
        assert_eq!(limit.take_suppressed(), 0);
    }

    #[test]
    fn a_long_pause_gives_one_burst_and_no_more() {
        let limit = LogLimit::new();
        let later = Instant::now() + Duration::from_secs(1_000_000);
        for _ in 0..BURST {
            assert_eq!(limit.pass_at(later), Some(0));
        }
        assert_eq!(limit.pass_at(later), None);
    }
}
