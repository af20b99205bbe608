// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A device that may never have been registered has no guard to give.
use drm_core::{doctest::Toy, Device};

fn guard(device: &Device<Toy>) {
    let _ = device.registration_guard();
}

fn main() {}
