// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a test is.

use kernel_abi::error::Error;

/// A test.
pub struct Test {
    /// Its module and name.
    pub name: &'static str,
    /// The public items that it covers.
    pub covers: &'static [&'static str],
    /// Its body; in the kernel it runs in process context, in the process that loads the module.
    pub run: fn() -> TestResult,
}

/// How a test ended.
pub type TestResult = Result<(), Failure>;

/// Why a test ended: where, and the error that was not expected, if it was one.
#[derive(Debug)]
pub struct Failure {
    /// The file.
    pub file: &'static str,
    /// The line.
    pub line: u32,
    /// What was expected.
    pub what: &'static str,
    /// The error that came instead.
    pub error: Option<Error>,
}

impl<E: Into<Error>> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        let place = core::panic::Location::caller();
        Self {
            file: place.file(),
            line: place.line(),
            what: "no error",
            error: Some(error.into()),
        }
    }
}

/// Ends the test unless the condition holds.
macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err($crate::test::Failure {
                file: file!(),
                line: line!(),
                what: stringify!($condition),
                error: None,
            });
        }
    };
}

/// Ends the test, with both values in the log, unless they are equal.
macro_rules! check_eq {
    ($left:expr, $right:expr) => {
        match (&$left, &$right) {
            (left, right) => {
                if *left != *right {
                    kernel_abi::pr_err!("# left: {left:?}, right: {right:?}\n");
                    return Err($crate::test::Failure {
                        file: file!(),
                        line: line!(),
                        what: concat!(stringify!($left), " == ", stringify!($right)),
                        error: None,
                    });
                }
            }
        }
    };
}

/// The value of an option; ends the test when there is none.
#[allow(unused_macros)] // one home may have no use for it
macro_rules! some {
    ($option:expr) => {
        match $option {
            Some(value) => value,
            None => {
                return Err($crate::test::Failure {
                    file: file!(),
                    line: line!(),
                    what: concat!("a value of ", stringify!($option)),
                    error: None,
                })
            }
        }
    };
}

/// Declares the tests of a file: `function => [items that it covers];`. Hosted each becomes a `#[test]`.
///
/// Items are named by their path from the crate on; a method by its type's. They are read from the source by
/// `cargo xtask test`.
macro_rules! selftests {
    ($($name:ident => [$($($item:ident)::+),* $(,)?];)*) => {
        pub(crate) const TESTS: &[$crate::test::Test] = &[$(
            $crate::test::Test {
                name: concat!(module_path!(), "::", stringify!($name)),
                covers: &[$(stringify!($($item)::+)),*],
                run: $name,
            },
        )*];

        #[cfg(all(test, home = "hosted"))]
        mod hosted {
            $(
                #[test]
                fn $name() {
                    if let Err(failure) = super::$name() {
                        // PANIC: this is how a test fails.
                        panic!("{failure:?}");
                    }
                }
            )*
        }
    };
}
