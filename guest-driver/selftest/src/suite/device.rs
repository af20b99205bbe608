// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `device`, `transmute`
#![allow(unsafe_code)] // what drivers promise

use crate::test::TestResult;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    device::{self, AsBusDevice, Bound, Device, DeviceContext, Normal, RootDevice},
    error::{code::EIO, Error, Result},
    sync::Arc,
    transmute::{AsBytes, FromBytes},
    types::ARef,
};

/// Appends its digit to a number when it is dropped.
struct Noted(u32, Arc<AtomicU32>);

impl Drop for Noted {
    fn drop(&mut self) {
        let log = self.1.load(SeqCst);
        self.1.store(log * 10 + self.0, SeqCst);
    }
}

fn note(device: &Device<Bound>, digit: u32, log: &Arc<AtomicU32>) -> Result {
    device::register::<Noted, Error>(device, Ok(Noted(digit, log.clone())), GFP_KERNEL)
}

fn a_device_drops_what_it_was_given_when_it_is_unbound() -> TestResult {
    let log = Arc::new(AtomicU32::new(0), GFP_KERNEL)?;
    let device = RootDevice::new(c"nova-selftest")?;
    for digit in 1..=3 {
        note(&device, digit, &log)?;
    }
    let failed = device::register::<Noted, Error>(&device, Err(EIO), GFP_KERNEL);
    check_eq!(failed, Err(EIO));
    check_eq!(log.load(SeqCst), 0);
    drop(device);
    check_eq!(log.load(SeqCst), 321);
    Ok(())
}

extern "C" fn set_nine(data: *mut core::ffi::c_void) {
    // SAFETY: called with the counter below, which is still there.
    unsafe { (*data.cast::<AtomicU32>()).store(9, SeqCst) };
}

fn an_action_is_called_when_the_device_is_unbound() -> TestResult {
    let log = Arc::new(AtomicU32::new(0), GFP_KERNEL)?;
    let device = RootDevice::new(c"nova-selftest")?;
    let data = core::ptr::from_ref(&*log).cast_mut().cast();
    // SAFETY: the counter outlives the device.
    unsafe { device.add_action_or_reset(set_nine, data)? };
    check_eq!(log.load(SeqCst), 0);
    drop(device);
    check_eq!(log.load(SeqCst), 9);
    Ok(())
}

/// A bus's device is found around the one that it embeds; a device embeds itself.
fn around<Ctx: DeviceContext, B: AsBusDevice<Ctx>>(device: &Device<Ctx>) -> &B {
    // SAFETY: the callers ask for what it is.
    unsafe { B::from_device(device) }
}

fn a_reference_outlives_the_binding() -> TestResult {
    let device = RootDevice::new(c"nova-selftest")?;
    check_eq!(device.name(), c"nova-selftest");
    let kept: ARef<Device<Normal>> = ARef::from(&**device);
    check!(kept.is_same(&*device));
    check!(kept.is_same(around::<_, Device<Bound>>(&device)));
    // SAFETY: bound until it is dropped below.
    check!(unsafe { kept.as_bound() }.is_same(&*kept));
    let other = RootDevice::new(c"nova-selftest-other")?;
    check!(!kept.is_same(&*other));
    drop(device);
    check!(kept.clone().is_same(&*kept));
    Ok(())
}

/// Bytes of a value and back.
fn round_trip<T: AsBytes + FromBytes>(value: T) -> T {
    let mut copy = value;
    // SAFETY: all bytes are initialised, and any are a value.
    unsafe {
        let from = core::ptr::from_ref(&value).cast::<u8>();
        core::ptr::copy_nonoverlapping(from, core::ptr::from_mut(&mut copy).cast(), size_of::<T>());
    }
    copy
}

fn plain_data_is_its_bytes() -> TestResult {
    check_eq!(round_trip([1_u32, 2, 3]), [1, 2, 3]);
    check_eq!(round_trip(-1_i64), -1);
    Ok(())
}

selftests! {
    a_device_drops_what_it_was_given_when_it_is_unbound => [
        kernel_abi::device::register,
        kernel_abi::device::RootDevice,
        kernel_abi::device::RootDevice::new,
        kernel_abi::device::Bound,
    ];
    an_action_is_called_when_the_device_is_unbound => [kernel_abi::device::Device::add_action_or_reset];
    a_reference_outlives_the_binding => [
        kernel_abi::device::Device,
        kernel_abi::device::Device::name,
        kernel_abi::device::Device::is_same,
        kernel_abi::device::Device::as_bound,
        kernel_abi::device::DeviceContext,
        kernel_abi::device::Normal,
        kernel_abi::device::AsBusDevice,
    ];
    plain_data_is_its_bytes => [kernel_abi::transmute::FromBytes, kernel_abi::transmute::AsBytes];
}
