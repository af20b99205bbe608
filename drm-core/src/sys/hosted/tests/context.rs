// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The life of a device: unregistered, registered, unplugged.

use super::*;
use std::{sync::mpsc, thread};

#[test]
fn a_device_can_be_opened_while_it_is_registered() {
    let counts = Arc::new(Counts::default());
    let parent = RootDevice::new(c"toy").unwrap();
    let device = UnregisteredDevice::<Toy>::new(&parent, Ok(counts.clone())).unwrap();
    assert_eq!(File::<ToyFile>::open(&device).err(), Some(ENODEV));
    let data = Ok::<_, Error>(Summand(&1));
    let device = Registration::new_foreign_owned(device, &parent, data, 0).unwrap();
    let kept = ARef::from(device);
    drop(File::<ToyFile>::open(device).unwrap());
    drop(parent);
    assert_eq!(File::<ToyFile>::open(&kept).err(), Some(ENODEV));
    assert_eq!(counts.files.load(SeqCst), 0, "no file was opened then");
    drop(kept);
    assert_eq!(Arc::strong_count(&counts), 1);
}

#[test]
fn what_fails_before_registration_leaves_nothing() {
    let parent = RootDevice::new(c"toy").unwrap();
    let failed = UnregisteredDevice::<Toy>::new(&parent, Err::<Arc<Counts>, _>(EIO));
    assert_eq!(failed.err(), Some(EIO));
    let counts = Arc::new(Counts::default());
    let make = || UnregisteredDevice::<Toy>::new(&parent, Ok(counts.clone())).unwrap();
    let data = Err::<Summand<'_>, _>(EACCES);
    let failed = Registration::new_foreign_owned(make(), &parent, data, 0);
    assert_eq!(failed.err(), Some(EACCES));
    let other = RootDevice::new(c"other").unwrap();
    let data = Ok::<_, Error>(Summand(&1));
    let failed = Registration::new_foreign_owned(make(), &other, data, 0);
    assert_eq!(failed.err(), Some(EINVAL), "another parent");
    assert_eq!(Arc::strong_count(&counts), 1);
}

#[test]
fn a_registration_that_is_dropped_unregisters() {
    let counts = Arc::new(Counts::default());
    let parent = RootDevice::new(c"toy").unwrap();
    let summand = 3;
    let device = UnregisteredDevice::<Toy>::new(&parent, Ok(counts)).unwrap();
    // SAFETY: dropped below, before the parent and the summand.
    let registration = unsafe {
        Registration::<Toy>::new::<Error>(&parent, device, Ok(Summand(&summand)), 0).unwrap()
    };
    let file = File::<ToyFile>::open(registration.device()).unwrap();
    let mut arg = Double { value: 1 };
    assert_eq!(file.ioctl(ADD, &mut arg), Ok(0));
    assert_eq!(arg.value, 4);
    drop(registration);
    assert_eq!(file.ioctl(ADD, &mut arg), Err(ENODEV));
}

#[test]
fn open_files_outlive_the_registration_and_the_parent() {
    let mut bench = toy();
    let file = bench.open();
    let handle = bench.object().create_handle(&file).unwrap();
    bench.unregister();
    assert_eq!(bench.counts.objects.load(SeqCst), 1);
    assert!(Object::<ToyObject>::lookup_handle(&file, handle).is_ok());
    assert_eq!(file.delete_handle(handle), Ok(()));
    assert_eq!(bench.counts.objects.load(SeqCst), 0);
}

#[test]
fn unplugging_waits_for_who_relies_on_the_device() {
    let mut bench = toy();
    let device = bench.device.clone();
    // SAFETY: it was registered.
    let in_ioctl = unsafe { device.assume_context::<Ioctl>() };
    let (tell, told) = mpsc::channel();
    let guard = in_ioctl.registration_guard().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            bench.unregister();
            tell.send(()).unwrap();
        });
        while in_ioctl.is_registered() {
            thread::yield_now();
        }
        // Unplugged, and nobody else may enter; but it waits.
        assert!(in_ioctl.registration_guard().is_none());
        let parent: &device::Device<device::Bound> = guard.as_ref();
        assert_eq!(parent.name(), c"toy");
        assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(guard);
        told.recv().unwrap();
    });
}

#[test]
fn references_to_a_device_keep_it() {
    let bench = toy();
    let counts = bench.counts.clone();
    let (one, object) = (bench.device.clone(), bench.object());
    drop(bench);
    drop(one);
    // The object has one.
    assert!(Arc::ptr_eq(object.dev(), &counts));
    drop(object);
    assert_eq!(Arc::strong_count(&counts), 1);
}
