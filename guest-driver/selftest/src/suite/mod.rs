// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The tests, a file a topic.
//!
//! Those in `kernel_only` are of items that only the kernel home has.

use crate::test::Test;

mod error;
mod framework;

/// Every test of this home.
pub(crate) const ALL: &[&[Test]] = &[framework::TESTS, error::TESTS];
