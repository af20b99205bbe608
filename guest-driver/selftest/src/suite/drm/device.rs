// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The life of a device: unregistered, registered, unplugged.

use super::toy::{Bench, Counts, Data, Number, Summand, Toy, ADD, TRY};
use crate::{sys::drm::OpenFile, test::TestResult};
use core::sync::atomic::Ordering::SeqCst;
use drm_core::{Device, Driver, Registration, UnregisteredDevice};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    device::{self, RootDevice},
    error::{
        code::{EINVAL, EIO, ENODEV},
        Error,
    },
    sync::Arc,
    types::ARef,
};

fn a_device_is_there_from_registration_until_its_parent_goes() -> TestResult {
    let counts = Arc::new(Counts::default(), GFP_KERNEL)?;
    let parent = RootDevice::new(c"nova-selftest")?;
    let device = Device::<Toy>::new(&parent, Ok(Data::new(&counts)))?;
    check_eq!(device.0.devices.load(SeqCst), 1);
    let data = Ok::<_, Error>(Summand(1));
    let device = Registration::new_foreign_owned(device, &parent, data, 0)?;
    let kept: ARef<Device<Toy>> = ARef::from(device);
    let file = OpenFile::open(device)?;
    check_eq!(counts.files.load(SeqCst), 1);
    check!(core::ptr::eq(file.get().device(), device));
    check_eq!(file.get().inner().get_ref().0.files.load(SeqCst), 1);
    drop(parent);
    check!(OpenFile::open(&kept).is_err());
    check_eq!(file.ioctl(ADD, &mut Number { value: 1 }), Err(ENODEV));
    drop(file);
    check_eq!(counts.files.load(SeqCst), 0);
    check_eq!(counts.devices.load(SeqCst), 1);
    drop(kept);
    check_eq!(counts.devices.load(SeqCst), 0);
    Ok(())
}

fn a_registration_that_is_dropped_unregisters() -> TestResult {
    let counts = Arc::new(Counts::default(), GFP_KERNEL)?;
    let parent = RootDevice::new(c"nova-selftest")?;
    let device = UnregisteredDevice::<Toy>::new(&parent, Ok(Data::new(&counts)))?;
    let data = Ok::<_, Error>(Summand(1));
    // SAFETY: dropped below, before the parent.
    let registration = unsafe { Registration::<Toy>::new(&parent, device, data, 0)? };
    let file = OpenFile::open(registration.device())?;
    let mut arg = Number { value: 4 };
    check_eq!(file.ioctl(ADD, &mut arg), Ok(0));
    check_eq!(arg.value, 5);
    drop(registration);
    check_eq!(file.ioctl(ADD, &mut arg), Err(ENODEV));
    Ok(())
}

fn what_fails_leaves_nothing() -> TestResult {
    let counts = Arc::new(Counts::default(), GFP_KERNEL)?;
    let parent = RootDevice::new(c"nova-selftest")?;
    let failed = UnregisteredDevice::<Toy>::new(&parent, Err::<Data, _>(EIO));
    check_eq!(failed.err(), Some(EIO));
    drop(parent);
    // A parent for each: C keeps what failed until the parent is unbound.
    let parent = RootDevice::new(c"nova-selftest")?;
    let device = UnregisteredDevice::<Toy>::new(&parent, Ok(Data::new(&counts)))?;
    let failed = Registration::new_foreign_owned(device, &parent, Err::<Summand, _>(EIO), 0);
    check_eq!(failed.err(), Some(EIO));
    drop(parent);
    check_eq!(counts.devices.load(SeqCst), 0);
    let parent = RootDevice::new(c"nova-selftest")?;
    let other = RootDevice::new(c"nova-selftest-other")?;
    let device = UnregisteredDevice::<Toy>::new(&parent, Ok(Data::new(&counts)))?;
    let data = Ok::<_, Error>(Summand(1));
    let failed = Registration::new_foreign_owned(device, &other, data, 0);
    check_eq!(failed.err(), Some(EINVAL));
    drop(parent);
    check_eq!(counts.devices.load(SeqCst), 0);
    Ok(())
}

fn a_guard_keeps_a_device_registered() -> TestResult {
    let bench = Bench::new()?;
    let file = bench.open()?;
    let mut arg = Number { value: 1 };
    // The handler asks for a guard itself, and for the registration's data behind it.
    check_eq!(file.ioctl(TRY, &mut arg), Ok(0));
    check_eq!(arg.value, 6);
    let parent: &device::Device = (*bench.device).as_ref();
    check_eq!(parent.name(), c"nova-selftest");
    Ok(())
}

fn a_driver_says_who_it_is() -> TestResult {
    check_eq!(Toy::INFO.name, c"nova-selftest");
    check_eq!(
        (Toy::INFO.major, Toy::INFO.minor, Toy::INFO.patchlevel),
        (1, 2, 3)
    );
    Ok(())
}

selftests! {
    a_device_is_there_from_registration_until_its_parent_goes => [
        drm_core::device::Device,
        drm_core::device::Device::new,
        drm_core::device::DeviceContext,
        drm_core::device::Normal,
        drm_core::registration::Registration::new_foreign_owned,
        drm_core::file::DriverFile,
        drm_core::file::File,
        drm_core::file::File::device,
        drm_core::file::File::inner,
    ];
    a_registration_that_is_dropped_unregisters => [
        drm_core::device::UnregisteredDevice,
        drm_core::device::UnregisteredDevice::new,
        drm_core::device::Registered,
        drm_core::registration::Registration,
        drm_core::registration::Registration::new,
        drm_core::registration::Registration::device,
    ];
    what_fails_leaves_nothing => [];
    a_guard_keeps_a_device_registered => [
        drm_core::device::Ioctl,
        drm_core::device::RegistrationGuard,
        drm_core::device::Device::registration_guard,
        drm_core::device::Device::registration_data_with,
    ];
    a_driver_says_who_it_is => [drm_core::driver::Driver, drm_core::driver::DriverInfo];
}
