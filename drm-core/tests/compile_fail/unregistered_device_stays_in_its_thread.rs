// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A device is made ready on one thread.
use drm_core::{doctest::Toy, UnregisteredDevice};

fn send<T: Send>(_value: T) {}

fn away(device: UnregisteredDevice<Toy>) {
    send(device);
}

fn main() {}
