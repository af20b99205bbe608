// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Tests of what only the kernel home has. They call C where that is the way to see the effect.
#![allow(unsafe_code)] // C structures that the tests look at

use crate::test::Test;

mod identity;
mod module;
mod security;

/// All of them.
pub(super) const ALL: &[&[Test]] = &[identity::TESTS, module::TESTS, security::TESTS];
