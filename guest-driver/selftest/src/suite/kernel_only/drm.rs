// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `device`, `drm-core`: C's view of devices and objects.

use super::super::drm::toy::Bench;
use crate::test::TestResult;
use drm_core::gem::{BaseObject, IntoGEMObject};
use kernel_abi::device::{Device, RootDevice};

fn a_device_is_c_s() -> TestResult {
    let device = RootDevice::new(c"nova-selftest")?;
    let raw = device.as_raw();
    // SAFETY: the device lives as long as the reference.
    let same = unsafe { Device::from_raw(raw) };
    check!(device.is_same::<kernel_abi::device::Normal>(same));
    Ok(())
}

fn an_object_can_be_mapped_through_its_node() -> TestResult {
    let bench = Bench::new()?;
    let (one, other) = (bench.object(1)?, bench.object(2)?);
    let offset = one.create_mmap_offset()?;
    check!(offset != 0 && offset % 4096 == 0);
    check_eq!(one.create_mmap_offset()?, offset);
    check!(other.create_mmap_offset()? != offset);
    // SAFETY: the object is one of ours.
    let same: &drm_core::gem::Object<_> = unsafe { IntoGEMObject::from_raw(one.as_raw()) };
    check!(core::ptr::eq(same, &*one));
    Ok(())
}

selftests! {
    a_device_is_c_s => [kernel_abi::device::Device::as_raw, kernel_abi::device::Device::from_raw];
    an_object_can_be_mapped_through_its_node => [];
}
