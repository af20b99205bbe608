// SPDX-License-Identifier: GPL-2.0 OR MIT
//! In an ioctl the device may be unplugged: the data is behind a guard.
use drm_core::{device::Ioctl, doctest::Toy, Device};

fn peek(device: &Device<Toy, Ioctl>) {
    device.registration_data_with(|()| ());
}

fn main() {}
