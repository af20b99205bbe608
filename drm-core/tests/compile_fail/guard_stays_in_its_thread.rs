// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who has entered leaves on the same thread.
use drm_core::{doctest::Toy, RegistrationGuard};

fn send<T: Send>(_value: T) {}

fn away(guard: RegistrationGuard<'_, Toy>) {
    send(guard);
}

fn main() {}
