// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `module`, `module_param`, `print`, `#[vtable]`

use crate::{module::SelfTest, test::TestResult};
use kernel_abi::{
    error::code::EINVAL,
    module::{ModuleMetadata, ThisModule},
    module_param::{ModuleParam, ModuleParamAccess},
};

fn this_module_is_the_one_that_is_loaded() -> TestResult {
    check_eq!(SelfTest::NAME, c"kernel_abi_selftest");
    let own = &raw mut kernel_abi::bindings::__this_module;
    check!(crate::THIS_MODULE.as_ptr() == own);
    // SAFETY: null is allowed.
    let none = unsafe { ThisModule::from_ptr(core::ptr::null_mut()) };
    check!(none.as_ptr().is_null());
    Ok(())
}

fn numbers_are_read_as_c_does() -> TestResult {
    check_eq!(u32::try_from_param_arg(c"12"), Ok(12));
    check_eq!(u8::try_from_param_arg(c"0xff"), Ok(255));
    check_eq!(i8::try_from_param_arg(c"-128"), Ok(-128));
    check_eq!(u64::try_from_param_arg(c"0b101"), Ok(5));
    check_eq!(u64::try_from_param_arg(c"0o17"), Ok(15));
    for wrong in [c"", c"x", c"256", c"-1", c"0x", c"0x-1", c"1 "] {
        check_eq!(u8::try_from_param_arg(wrong), Err(EINVAL));
    }
    Ok(())
}

fn truth_is_read_as_c_does() -> TestResult {
    for yes in [c"", c"1", c"y", c"Y", c"t", c"on"] {
        check_eq!(bool::try_from_param_arg(yes), Ok(true));
    }
    for no in [c"0", c"n", c"F", c"off"] {
        check_eq!(bool::try_from_param_arg(no), Ok(false));
    }
    check_eq!(bool::try_from_param_arg(c"2"), Err(EINVAL));
    check_eq!(bool::try_from_param_arg(c"o"), Err(EINVAL));
    Ok(())
}

fn a_parameter_has_its_default() -> TestResult {
    let parameter = ModuleParamAccess::new(7_u32);
    check_eq!(parameter.value(), 7);
    Ok(())
}

selftests! {
    this_module_is_the_one_that_is_loaded => [
        kernel_abi::module, kernel_abi::module::Module, kernel_abi::module::InPlaceModule,
        kernel_abi::module::ModuleMetadata, kernel_abi::module::ThisModule, kernel_abi::module::ThisModule::from_ptr,
        kernel_abi::module::ThisModule::as_ptr,
    ];
    numbers_are_read_as_c_does => [kernel_abi::module_param::ModuleParam];
    truth_is_read_as_c_does => [];
    a_parameter_has_its_default => [
        kernel_abi::module_param::ModuleParamAccess, kernel_abi::module_param::ModuleParamAccess::new,
        kernel_abi::module_param::ModuleParamAccess::value,
    ];
}
