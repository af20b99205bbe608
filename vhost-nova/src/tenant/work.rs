// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a tenant may have of the GPU, as the command line says it.

use std::time::Duration;

use crate::work::WorkLimits;

/// Longest time for taking a tenant off the GPU: what NVIDIA's firmware takes as a limit.
const MAX_PREEMPT_US: u64 = 1_000_000;
/// Most address spaces or queues of a tenant.
const MAX_OWNERS: u64 = 256;

/// What a tenant may have of the GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkSpec {
    /// Bytes of VRAM; `None` for an equal share of the card.
    pub vram_quota: Option<u64>,
    /// How long its queues may take to get off the GPU before they are destroyed.
    pub preempt_timeout: Duration,
    /// How much it may have under way.
    pub limits: WorkLimits,
}

impl Default for WorkSpec {
    fn default() -> Self {
        Self {
            vram_quota: None,
            preempt_timeout: Duration::from_millis(100),
            limits: WorkLimits::default(),
        }
    }
}

impl WorkSpec {
    /// The keys that there are.
    pub const KEYS: [&'static str; 5] = [
        "vram_quota",
        "max_vms",
        "max_queues",
        "preempt_timeout_us",
        "work_timeout_ms",
    ];

    /// Sets what a key says; `false` when it is none of these.
    ///
    /// # Errors
    /// When the value makes no sense.
    pub fn set(&mut self, key: &str, value: &str) -> Result<bool, String> {
        match key {
            "vram_quota" => self.vram_quota = Some(bytes(key, value)?),
            "max_vms" => self.limits.max_vms = number(key, value, 1, MAX_OWNERS)? as u32,
            "max_queues" => self.limits.max_queues = number(key, value, 1, MAX_OWNERS)? as u32,
            "preempt_timeout_us" => {
                let time = number(key, value, 1, MAX_PREEMPT_US)?;
                self.preempt_timeout = Duration::from_micros(time);
            }
            "work_timeout_ms" => {
                let time = number(key, value, 0, u32::MAX.into())?;
                let time = Duration::from_millis(time);
                self.limits.work_timeout = (!time.is_zero()).then_some(time);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn number(key: &str, value: &str, least: u64, most: u64) -> Result<u64, String> {
    match value.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!(
            "{key}={value:?}: it must be a number from {least} to {most}"
        )),
    }
}

fn bytes(key: &str, value: &str) -> Result<u64, String> {
    let unit = |suffix, shift| value.strip_suffix(suffix).map(|digits| (digits, shift));
    let (digits, shift) = unit('K', 10)
        .or_else(|| unit('M', 20))
        .or_else(|| unit('G', 30))
        .unwrap_or((value, 0));
    let number = digits.parse::<u64>().ok();
    let bytes = number.and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|&bytes| bytes > 0).ok_or_else(|| {
        format!("{key}={value:?}: it must be a number of bytes, which may end in K, M or G")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_sets_what_it_names() {
        let mut spec = WorkSpec::default();
        for (key, value) in [
            ("vram_quota", "512M"),
            ("max_vms", "3"),
            ("max_queues", "256"),
            ("preempt_timeout_us", "640"),
            ("work_timeout_ms", "2500"),
        ] {
            assert!(WorkSpec::KEYS.contains(&key));
            assert_eq!(spec.set(key, value), Ok(true), "{key}");
        }
        assert_eq!(spec.vram_quota, Some(512 << 20));
        assert_eq!((spec.limits.max_vms, spec.limits.max_queues), (3, 256));
        assert_eq!(spec.preempt_timeout, Duration::from_micros(640));
        assert_eq!(spec.limits.work_timeout, Some(Duration::from_millis(2500)));
        assert_eq!(spec.set("work_timeout_ms", "0"), Ok(true));
        assert_eq!(spec.limits.work_timeout, None);
        assert_eq!(spec.set("color", "red"), Ok(false));
    }

    #[test]
    fn values_that_make_no_sense_are_named() {
        let mut spec = WorkSpec::default();
        for (key, value) in [
            ("vram_quota", ""),
            ("vram_quota", "0"),
            ("vram_quota", "1T"),
            ("vram_quota", "99999999999G"),
            ("max_vms", "0"),
            ("max_queues", "257"),
            ("preempt_timeout_us", "1000001"),
            ("work_timeout_ms", "-1"),
        ] {
            let error = spec.set(key, value).unwrap_err();
            assert!(error.contains(key) && error.contains(value), "{error}");
        }
        assert_eq!(spec, WorkSpec::default());
    }
}
