// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Not every byte is a bool: a program could make one that is none.
use drm_core::{declare_drm_ioctls, device::Ioctl, doctest::{Toy, ToyFile}, ioctl, Device, File};
use kernel_abi::error::Result;

trait Table {
    const IOCTLS: &'static [ioctl::DrmIoctlDescriptor];
}

fn handle(_device: &Device<Toy, Ioctl>, _arg: &mut bool, _file: &File<ToyFile>) -> Result<u32> {
    Ok(0)
}

impl Table for Toy {
    declare_drm_ioctls! {
        (ioctl::IOWR::<bool>(0x40), bool, 0, handle),
    }
}

fn main() {}
