// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `drm-core`, with a small driver and files that are really open.
#![allow(unsafe_code)] // what drivers promise

mod device;
mod event;
mod gem;
mod ioctl;
pub(super) mod toy;

use crate::test::Test;

/// The tests of all these files.
pub(crate) const ALL: &[&[Test]] = &[device::TESTS, event::TESTS, gem::TESTS, ioctl::TESTS];
