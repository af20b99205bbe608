// SPDX-License-Identifier: GPL-2.0 OR MIT
extern crate std;

use super::{code::*, *};
use std::{alloc::Layout, collections::HashSet, format};

#[test]
fn return_values_become_results() {
    assert_eq!(to_result(0), Ok(()));
    assert_eq!(to_result(7), Ok(()));
    assert_eq!(to_result(-12), Err(ENOMEM));
    for (errno, error) in [
        (-5000, EINVAL),
        (3, EINVAL),
        (0, EINVAL),
        (i32::MIN, EINVAL),
    ] {
        assert_eq!(Error::from_errno(errno), error);
    }
    assert_eq!(Error::from_errno(-4095).to_errno(), -4095);
}

#[test]
fn callbacks_answer_in_the_type_that_c_wants() {
    assert_eq!(from_result::<i16>(|| Err(EBUSY)), -16);
    assert_eq!(from_result(|| Ok(3i32)), 3);
    assert_eq!(from_result::<i64>(|| Err(Error::from_errno(-4095))), -4095);
}

#[test]
fn error_pointers_are_the_last_page() {
    assert_eq!(from_err_ptr(ENOMEM.to_ptr::<u8>()), Err(ENOMEM));
    let (last, edge) = (-4095isize as usize, -4096isize as usize);
    let [last, edge] = [last, edge].map(core::ptr::without_provenance_mut::<u8>);
    assert_eq!(from_err_ptr(last), Err(Error::from_errno(-4095)));
    assert_eq!(from_err_ptr(edge), Ok(edge));
    assert!(from_err_ptr(core::ptr::null_mut::<u8>()).is_ok());
}

#[test]
fn every_code_has_a_number_and_a_name_of_its_own() {
    let numbers: HashSet<_> = ALL.iter().map(|(_, error)| error.to_errno()).collect();
    assert_eq!(numbers.len(), ALL.len());
    for (name, error) in ALL {
        assert!((-531..0).contains(&error.to_errno()), "{name}");
        assert_eq!(error.name().unwrap().to_str(), Ok(*name));
        assert_eq!(format!("{error} {error:?}"), format!("{name} {name}"));
    }
    assert_eq!(format!("{}", Error::from_errno(-4000)), "Error(-4000)");
}

/// The numbers of the C library, which are the kernel's.
#[test]
fn the_numbers_are_those_of_c() {
    for (error, text) in [
        (EPERM, "Operation not permitted"),
        (EDEADLK, "Resource deadlock avoided"),
        (EPROTO, "Protocol error"),
        (EOPNOTSUPP, "Operation not supported"),
        (EHWPOISON, "Memory page has hardware error"),
    ] {
        let number = -error.to_errno();
        let system = std::io::Error::from_raw_os_error(number);
        assert_eq!(format!("{system}"), format!("{text} (os error {number})"));
    }
    assert_eq!(ERESTARTSYS.to_errno(), -512);
}

#[test]
fn errors_of_rust_become_errnos() {
    fn convert<E: Into<Error>>(error: E) -> Error {
        error.into()
    }
    assert_eq!(convert(crate::alloc::AllocError), ENOMEM);
    assert_eq!(
        convert(Layout::array::<u64>(usize::MAX).unwrap_err()),
        ENOMEM
    );
    assert_eq!(convert(core::fmt::Error), EINVAL);
    assert_eq!(
        convert(core::str::from_utf8(&std::vec![0xff]).unwrap_err()),
        EINVAL
    );
    assert_eq!(convert(u8::try_from(256).unwrap_err()), EINVAL);
    assert_eq!(convert("x".parse::<u8>().unwrap_err()), EINVAL);
    assert_eq!(
        convert(CStr::from_bytes_with_nul(b"x").unwrap_err()),
        EINVAL
    );
    assert_eq!(
        convert(CStr::from_bytes_until_nul(b"x").unwrap_err()),
        EINVAL
    );
}
