// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Only a registered device knows that its parent is bound.
use drm_core::{device::Ioctl, doctest::Toy, Device};
use kernel_abi::device::{self, Bound};

fn parent(device: &Device<Toy, Ioctl>) -> &device::Device<Bound> {
    device.as_ref()
}

fn main() {}
