// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `error`

use crate::test::TestResult;
use kernel_abi::error::{
    code::{EBUSY, EINVAL, ENOMEM},
    from_result, to_result, Error,
};

fn return_values_become_results() -> TestResult {
    check_eq!(to_result(0), Ok(()));
    check_eq!(to_result(-12), Err(ENOMEM));
    check_eq!(Error::from_errno(-5000), EINVAL);
    check_eq!(from_result::<i32>(|| Err(EBUSY)), -16);
    check_eq!(from_result::<i32>(|| Ok(3)), 3);
    Ok(())
}

selftests! {
    return_values_become_results => [
        kernel_abi::error::to_result,
        kernel_abi::error::from_result,
        kernel_abi::error::Error::from_errno,
    ];
}
