// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `error`

use crate::test::TestResult;
use kernel_abi::{
    alloc::AllocError,
    error::{
        code::{EBUSY, EINVAL, ENODEV, ENOMEM},
        from_err_ptr, from_result, to_result, Error, Result,
    },
};

fn return_values_become_results() -> TestResult {
    check_eq!(to_result(0), Ok(()));
    check_eq!(to_result(-12), Err(ENOMEM));
    check_eq!(Error::from_errno(-5000), EINVAL);
    check_eq!(from_result::<i32>(|| Err(EBUSY)), -16);
    check_eq!(from_result::<i32>(|| Ok(3)), 3);
    Ok(())
}

fn error_pointers_become_results() -> TestResult {
    let good = &raw const ALONE;
    check_eq!(from_err_ptr(good.cast_mut()), Ok(good.cast_mut()));
    check_eq!(from_err_ptr(ENODEV.to_ptr::<u32>()), Err(ENODEV));
    check!(from_err_ptr(core::ptr::null_mut::<u32>()).is_ok());
    Ok(())
}

static ALONE: u32 = 7;

fn errors_of_rust_become_errnos() -> TestResult {
    fn number(text: &str) -> Result<u8> {
        Ok(text.parse::<u32>()?.try_into()?)
    }
    check_eq!(number("7"), Ok(7));
    check_eq!(number("x"), Err(EINVAL));
    check_eq!(number("256"), Err(EINVAL));
    check_eq!(Error::from(AllocError), ENOMEM);
    Ok(())
}

selftests! {
    return_values_become_results => [
        kernel_abi::error::Error,
        kernel_abi::error::Error::from_errno,
        kernel_abi::error::from_result,
        kernel_abi::error::to_result,
    ];
    error_pointers_become_results => [
        kernel_abi::error::Error::to_ptr,
        kernel_abi::error::from_err_ptr,
    ];
    errors_of_rust_become_errnos => [
        kernel_abi::alloc::AllocError,
        kernel_abi::error::Result,
    ];
}
