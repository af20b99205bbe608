// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `drm-core`, with a small driver and files that are really open.
#![allow(unsafe_code)] // what drivers promise

mod device;
mod event;
mod fence;
mod gem;
mod ioctl;
mod syncobj;
pub(super) mod toy;

use crate::test::Test;

/// The tests of all these files.
pub(crate) const ALL: &[&[Test]] = &[
    device::TESTS,
    event::TESTS,
    fence::TESTS,
    gem::TESTS,
    ioctl::TESTS,
    syncobj::TESTS,
];
