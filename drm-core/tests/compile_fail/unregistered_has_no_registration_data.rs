// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Before registration there is no registration data.
use drm_core::{doctest::Toy, UnregisteredDevice};

fn peek(device: &UnregisteredDevice<Toy>) {
    device.registration_data_with(|()| ());
}

fn main() {}
