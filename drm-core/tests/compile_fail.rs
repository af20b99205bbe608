// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What must not compile: a device that is used before it is registered, or outside of where it is known to be, and
//! an ioctl table that is wrong. Each file says what it tries; what the compiler answers is beside it.

#[test]
fn what_is_wrong_does_not_compile() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/compile_fail/*.rs");
}
