// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the tests themselves stand on.

use crate::{sys, test::TestResult};

fn threads_return_what_they_made() -> TestResult {
    let one = sys::spawn(|| {
        sys::sleep_ms(5);
        1
    })?;
    let two = sys::spawn(|| 2)?;
    let nobody = sys::spawn(|| 0_u8)?;
    check!(nobody.join() == 0);
    check_eq!(two.join() + one.join(), 3);
    Ok(())
}

selftests! {
    threads_return_what_they_made => [];
}
