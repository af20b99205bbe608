// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A driver for the examples of this crate's documentation.

use crate::{
    device::Device,
    driver::{Driver, DriverInfo},
    file::DriverFile,
    gem::{DriverObject, Object},
    ioctl::DrmIoctlDescriptor,
    Registration, UnregisteredDevice,
};
use core::pin::Pin;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    device::{self, RootDevice},
    error::{Error, Result},
};
use pinned_init::PinInit;

/// A driver whose devices have a number.
pub struct Toy;

/// Its files, which have nothing.
pub struct ToyFile;

/// Its objects, which have a colour.
pub struct ToyObject {
    /// The colour.
    pub colour: u32,
}

impl Driver for Toy {
    type Data = u32;
    type RegistrationData<'a> = ();
    type Object = Object<ToyObject>;
    type File = ToyFile;
    type ParentDevice<Ctx: device::DeviceContext> = device::Device<Ctx>;
    const INFO: DriverInfo = DriverInfo {
        major: 1,
        minor: 0,
        patchlevel: 0,
        name: c"toy",
        desc: c"for examples",
    };
    const IOCTLS: &'static [DrmIoctlDescriptor] = &[];
    const FEAT_RENDER: bool = true;
}

impl DriverFile for ToyFile {
    type Driver = Toy;

    fn open(_device: &Device<Toy>) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::pin(Self, GFP_KERNEL)?)
    }
}

impl DriverObject for ToyObject {
    type Driver = Toy;
    type Args = u32;

    fn new(_device: &Device<Toy>, _size: usize, colour: u32) -> impl PinInit<Self, Error> {
        Ok(Self { colour })
    }
}

/// Calls `example` with a registered device.
pub fn with_toy(example: impl FnOnce(&Device<Toy>) -> Result) {
    let run = || {
        let parent = RootDevice::new(c"toy")?;
        let device = UnregisteredDevice::<Toy>::new(&parent, Ok(7))?;
        example(Registration::new_foreign_owned::<Error>(
            device,
            &parent,
            Ok(()),
            0,
        )?)
    };
    // PANIC: in examples, which are tests.
    assert_eq!(run(), Ok(()));
}
