// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Tests of what only the kernel home has. They call C where that is the way to see the effect.
#![allow(unsafe_code)] // C structures that the tests look at

use crate::test::Test;

mod cost;
mod drm;
mod identity;
mod memory;
mod module;
mod poll;
mod security;
mod virtio;
mod workqueue;

/// All of them.
pub(super) const ALL: &[&[Test]] = &[
    cost::TESTS,
    drm::TESTS,
    identity::TESTS,
    memory::TESTS,
    module::TESTS,
    poll::TESTS,
    security::TESTS,
    virtio::TESTS,
    workqueue::TESTS,
];
