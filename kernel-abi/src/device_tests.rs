// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Devices and what they drop when they are unbound.

extern crate std;

use super::*;
use crate::{
    alloc::flags::GFP_KERNEL,
    error::code::{EIO, ENODEV},
    types::ARef,
};
use std::{
    sync::{Arc, Mutex},
    vec::Vec,
};

/// Notes its number when it is dropped.
struct Noted(u32, Arc<Mutex<Vec<u32>>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

fn note(device: &Device<Bound>, number: u32, log: &Arc<Mutex<Vec<u32>>>) -> Result {
    register::<Noted, Error>(device, Ok(Noted(number, log.clone())), GFP_KERNEL)
}

#[test]
fn the_last_given_is_dropped_first_when_the_device_is_unbound() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let device = RootDevice::new(c"test").unwrap();
    for number in 1..=3 {
        note(&device, number, &log).unwrap();
    }
    assert!(log.lock().unwrap().is_empty());
    drop(device);
    assert_eq!(*log.lock().unwrap(), [3, 2, 1]);
}

#[test]
fn what_fails_to_initialise_is_not_given() {
    let device = RootDevice::new(c"test").unwrap();
    let failed = register::<Noted, Error>(&device, Err(EIO), GFP_KERNEL);
    assert_eq!(failed, Err(EIO));
}

#[test]
fn a_reference_outlives_the_binding_and_nothing_more_is_taken() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let device = RootDevice::new(c"test").unwrap();
    let normal: ARef<Device> = ARef::from(&**device);
    drop(device);
    // SAFETY: wrong on purpose: what a driver with a stale reference would do.
    let stale = unsafe { normal.as_bound() };
    assert_eq!(note(stale, 1, &log), Err(ENODEV));
    assert_eq!(*log.lock().unwrap(), [1], "dropped at once");
}

/// A bus's device.
#[repr(C)]
struct Bus<Ctx: DeviceContext> {
    number: u64,
    device: Device<Ctx>,
}

impl<Ctx: DeviceContext> AsRef<Device<Ctx>> for Bus<Ctx> {
    fn as_ref(&self) -> &Device<Ctx> {
        &self.device
    }
}

// SAFETY: the offset is the field's.
unsafe impl<Ctx: DeviceContext> AsBusDevice<Ctx> for Bus<Ctx> {
    const OFFSET: usize = core::mem::offset_of!(Self, device);
}

#[test]
fn a_bus_device_is_found_around_its_device() {
    let mut memory = std::boxed::Box::<Bus<Normal>>::new_uninit();
    // SAFETY: only addresses are computed from the device, which stays uninitialised.
    let bus = unsafe {
        (&raw mut (*memory.as_mut_ptr()).number).write(7);
        let device = &*(&raw const (*memory.as_ptr()).device).cast::<Device>();
        Bus::from_device(device)
    };
    assert_eq!(bus.number, 7);
}
