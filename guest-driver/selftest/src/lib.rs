// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One suite, two homes: the tests of what `kernel-abi` and `drm-core` offer.
//!
//! In the kernel home this crate is `kernel_abi_selftest.ko`: loading it runs every test and prints the results as KTAP to the log
//! (`Documentation/dev-tools/ktap.rst`). The guest program `kernel-abi-selftest` loads it and passes them on. In
//! the hosted home each test is one of `cargo test`.
//!
//! | module | role |
//! |---|---|
//! | `test` | what a test is, how one is declared, what it can check |
//! | `runner` | runs them all and prints KTAP |
//! | `module` | the kernel module |
//! | `controls` | mistakes that a debug kernel must report |
//! | `suite` | the tests, a file a topic |
//! | `sys` | threads and time, in each home |
//!
//! # How to add a test
//!
//! In the file of its topic below `suite/` (a new file goes into `suite/mod.rs`), write a function and declare it with the
//! items that it covers. `cargo xtask test` fails when a public item of `kernel-abi` or `drm-core` is covered by none, or when a name
//! here is no item.
//!
//! ```text
//! fn the_last_reference_drops_the_value() -> TestResult {
//!     let one = Arc::new(7, GFP_KERNEL)?;
//!     check_eq!(*one, 7);
//!     Ok(())
//! }
//!
//! selftests! {
//!     the_last_reference_drops_the_value => [kernel_abi::sync::Arc, kernel_abi::sync::Arc::new];
//! }
//! ```
#![no_std]

#[cfg(home = "hosted")]
extern crate std;

#[macro_use]
mod test;
mod runner;
mod suite;
mod sys;

pub use runner::run;
pub use test::{Failure, Test, TestResult};

#[cfg(home = "kernel")]
mod controls;
#[cfg(home = "kernel")]
mod module;

#[cfg(home = "kernel")]
kernel_abi::module! {
    type: module::SelfTest,
    name: "kernel_abi_selftest",
    authors: ["The vhost-nova project"],
    description: "Tests of kernel-abi and drm-core",
    license: "Dual MIT/GPL",
    params: {
        control: controls::Control {
            default: controls::Control::None,
            description: "a mistake to make instead of the tests, for a debug kernel",
        },
    },
}

#[cfg(home = "hosted")]
const __LOG_PREFIX: &[u8] = b"kernel_abi_selftest\0";
