// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The command says four bytes, the argument has eight.
use drm_core::{declare_drm_ioctls, device::Ioctl, doctest::{Toy, ToyFile}, ioctl, Device, File};
use kernel_abi::error::Result;

trait Table {
    const IOCTLS: &'static [ioctl::DrmIoctlDescriptor];
}

fn handle(_device: &Device<Toy, Ioctl>, _arg: &mut u64, _file: &File<ToyFile>) -> Result<u32> {
    Ok(0)
}

impl Table for Toy {
    declare_drm_ioctls! {
        (ioctl::IOWR::<u32>(0x40), u64, 0, handle),
    }
}

fn main() {}
