// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What must not compile. Each file says what it tries; what the compiler answers is beside it.

#[test]
fn what_is_wrong_does_not_compile() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/compile_fail/*.rs");
}
