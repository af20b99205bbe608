// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a registration has is not kept.
use drm_core::{doctest::Toy, RegistrationGuard};

fn keep<'a>(guard: &'a RegistrationGuard<'a, Toy>) -> &'a () {
    guard.registration_data_with(|data| data)
}

fn main() {}
