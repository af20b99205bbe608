// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The tests, a file a topic.

use crate::test::Test;

mod alloc;
mod arc;
mod atomic;
mod device;
mod drm;
mod errno;
mod error;
mod framework;
#[cfg(home = "kernel")]
mod kernel_only;
mod killable;
mod lock;
mod macros;
mod task;
mod types;
mod vec;
mod wait;

/// Tests of both homes.
const SHARED: &[&[Test]] = &[
    framework::TESTS,
    killable::TESTS,
    error::TESTS,
    device::TESTS,
    errno::TESTS,
    types::TESTS,
    alloc::TESTS,
    vec::TESTS,
    arc::TESTS,
    atomic::TESTS,
    lock::TESTS,
    wait::TESTS,
    macros::TESTS,
    task::TESTS,
];

#[cfg(home = "kernel")]
const KERNEL_ONLY: &[&[Test]] = kernel_only::ALL;
#[cfg(home = "hosted")]
const KERNEL_ONLY: &[&[Test]] = &[];

/// Every test of this home.
pub(crate) fn all() -> impl Iterator<Item = &'static Test> {
    SHARED
        .iter()
        .chain(drm::ALL)
        .chain(KERNEL_ONLY)
        .copied()
        .flatten()
}
