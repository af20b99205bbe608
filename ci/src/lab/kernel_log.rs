// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a guest's kernel says, and which of it is a defect.

/// What no kernel may say. Most reports of the debug kernel begin with `BUG:` or `WARNING:`.
const BAD: &[&str] = &[
    "WARNING:",
    "BUG:",
    "Oops",
    "kernel BUG",
    "Call Trace",
    "UBSAN",
    "KASAN:",
    "leaked",
    // lockdep, and what makes it blind
    "INFO: possible",
    "INFO: suspicious",
    "INFO: trying to register non-static key",
    "turning off the locking correctness validator",
    // DEBUG_OBJECTS, DEBUG_LIST, refcount checks
    "ODEBUG:",
    "corruption",
    "refcount_t:",
    // kmemleak that gave up finds nothing
    "memory leak detector disabled",
    // Rust code of upstream's drivers
    "panicked at",
];

/// Has a kernel with kmemleak look for leaks and prints what it found; others print nothing. An object counts when it
/// is five seconds old at a scan and has not changed since the scan before.
pub(super) const FIND_LEAKS: &str = "k=/sys/kernel/debug/kmemleak; [ ! -e $k ] || \
    { sleep 6 && echo scan >$k && echo scan >$k && cat $k; }";

/// The first line that is a defect.
pub(super) fn complaint(log: &str) -> Option<&str> {
    log.lines()
        .find(|line| BAD.iter().any(|bad| line.contains(bad)))
}

/// The last lines; more of them when the end begins earlier: a trace is longer than what led to it.
pub(super) fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    let last = lines.len().saturating_sub(25);
    let end = |line: &&str| {
        ["Kernel panic", "Oops", "BUG:"]
            .iter()
            .any(|word| line.contains(word))
    };
    let from = match lines.iter().position(end) {
        Some(at) => at.saturating_sub(5).min(last),
        None => last,
    };
    let to = lines.len().min(from + 100);
    lines[from..to].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_begins_before_the_panic() {
        let mut log = "quiet\n".repeat(50);
        assert_eq!(tail(&log).lines().count(), 25);
        log.push_str("Kernel panic - not syncing: sysrq\n");
        log.push_str(&"trace\n".repeat(40));
        assert_eq!(tail(&log).lines().count(), 46);
        assert!(tail(&log).contains("Kernel panic"));
        log.push_str(&"trace\n".repeat(100));
        assert_eq!(tail(&log).lines().count(), 100);
        assert_eq!(tail(""), "");
    }

    #[test]
    fn reports_of_each_kind_are_complaints() {
        let reports = [
            "BUG: KASAN: slab-use-after-free in virtio_nova",
            "WARNING: possible circular locking dependency detected",
            "WARNING: possible recursive locking detected",
            "BUG: sleeping function called from invalid context at mm/util.c:743",
            "ODEBUG: free active (active state 0) object: 1 object type: work_struct",
            "list_del corruption. prev->next should be",
            "refcount_t: underflow; use-after-free.",
            "INFO: trying to register non-static key.",
            "kmemleak: Kernel memory leak detector disabled",
            "BUG: MAX_LOCKDEP_ENTRIES too low!",
            "turning off the locking correctness validator.",
            "Oops: general protection fault, kernel NULL pointer dereference",
            "virtio_nova: 3 objects leaked",
            "rust_kernel: panicked at drivers/gpu/x.rs:1:1:",
        ];
        for report in reports {
            let log = format!("[    1.0] fine\n[    2.0] {report}\n");
            assert!(complaint(&log).is_some(), "{report}");
        }
        let fine = "[    0.5] Lock dependency validator: Copyright (c) 2006 Red Hat\n\
                    [    0.6] KernelAddressSanitizer initialized (generic)\n\
                    [    0.9] kmemleak: Kernel memory leak detector initialized\n";
        assert_eq!(complaint(fine), None);
    }
}
