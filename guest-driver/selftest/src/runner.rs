// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Runs the tests and prints KTAP.

use crate::{suite, test::Test};
use kernel_abi::pr_info;

/// Runs every test; returns how many failed.
///
/// The last line, which begins with `# Totals:`, says that the suite came to its end.
pub fn run() -> usize {
    pr_info!("KTAP version 1\n");
    pr_info!("1..{}\n", suite::all().count());
    let mut failed = 0;
    for (index, test) in suite::all().enumerate() {
        if !one(index + 1, test) {
            failed += 1;
        }
    }
    let passed = suite::all().count() - failed;
    pr_info!("# Totals: pass:{passed} fail:{failed} skip:0\n");
    failed
}

fn one(number: usize, test: &Test) -> bool {
    let name = test
        .name
        .rsplit_once("suite::")
        .map_or(test.name, |(_, name)| name);
    match (test.run)() {
        Ok(()) => {
            pr_info!("ok {number} {name}\n");
            true
        }
        Err(failure) => {
            let file = failure.file.rsplit('/').next().unwrap_or(failure.file);
            match failure.error {
                Some(error) => pr_info!("# {file}:{}: {error}\n", failure.line),
                None => pr_info!("# {file}:{}: {}\n", failure.line, failure.what),
            }
            pr_info!("not ok {number} {name}\n");
            false
        }
    }
}
