// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A registered device is one as long as the guard lives.
use drm_core::{device::{Ioctl, Registered}, doctest::Toy, Device};

fn keep(device: &Device<Toy, Ioctl>) -> &Device<Toy, Registered> {
    let guard = device.registration_guard().unwrap();
    &guard
}

fn main() {}
