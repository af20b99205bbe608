// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A handler is for the devices of the driver whose table it is in.
use core::pin::Pin;
use drm_core::{
    declare_drm_ioctls, device::Ioctl, doctest::{Toy, ToyFile}, gem::{DriverObject, Object}, ioctl, Device, Driver,
    DriverFile, DriverInfo, File,
};
use kernel_abi::{alloc::KBox, device, error::{code::EIO, Error, Result}};
use pinned_init::PinInit;

fn of_toys(_device: &Device<Toy, Ioctl>, _arg: &mut u64, _file: &File<ToyFile>) -> Result<u32> {
    Ok(0)
}

struct Other;
struct OtherFile;
struct OtherObject;

impl Driver for Other {
    type Data = ();
    type RegistrationData<'a> = ();
    type Object = Object<OtherObject>;
    type File = OtherFile;
    type ParentDevice<Ctx: device::DeviceContext> = device::Device<Ctx>;
    const INFO: DriverInfo = DriverInfo { major: 0, minor: 0, patchlevel: 0, name: c"", desc: c"" };

    declare_drm_ioctls! {
        (ioctl::IOWR::<u64>(0x40), u64, 0, of_toys),
    }
}

impl DriverFile for OtherFile {
    type Driver = Other;

    fn open(_device: &Device<Other>) -> Result<Pin<KBox<Self>>> {
        Err(EIO)
    }
}

impl DriverObject for OtherObject {
    type Driver = Other;
    type Args = ();

    fn new(_device: &Device<Other>, _size: usize, _args: ()) -> impl PinInit<Self, Error> {
        Ok(Self)
    }
}

fn main() {}
