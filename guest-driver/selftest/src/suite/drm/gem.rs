// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Objects and their handles.

use super::toy::{Bench, Toy, ToyObject};
use crate::test::TestResult;
use core::sync::atomic::Ordering::SeqCst;
use drm_core::gem::{AllocImpl, BaseObject, IntoGEMObject, Object};
use kernel_abi::{
    error::code::{EINVAL, EIO, ENOENT},
    types::ARef,
};

fn handles_keep_objects_and_files_keep_handles() -> TestResult {
    let bench = Bench::new()?;
    let counts = &bench.counts;
    let file = bench.open()?;
    let object = bench.object(3)?;
    check_eq!(object.size(), 8192);
    check!(core::ptr::eq(object.dev(), &*bench.device));
    let first = object.create_handle(file.get())?;
    let second = object.create_handle(file.get())?;
    check!(first != 0 && first != second);
    check_eq!(counts.handles.load(SeqCst), 2);
    drop(object);
    let found: ARef<Object<ToyObject>> = Object::lookup_handle(file.get(), second)?;
    check_eq!(found.colour, 3);
    drop(found);
    check_eq!(file.close_handle(first), Ok(()));
    check_eq!(
        Object::<ToyObject>::lookup_handle(file.get(), first).err(),
        Some(ENOENT)
    );
    check!(matches!(file.close_handle(first), Err(EINVAL | ENOENT)));
    check_eq!(counts.objects.load(SeqCst), 1);
    drop(file);
    check_eq!(counts.handles.load(SeqCst), 0);
    check_eq!(counts.objects.load(SeqCst), 0);
    Ok(())
}

fn handles_are_of_one_file() -> TestResult {
    let bench = Bench::new()?;
    let (one, other) = (bench.open()?, bench.open()?);
    let handle = bench.object(1)?.create_handle(one.get())?;
    check_eq!(
        Object::<ToyObject>::lookup_handle(other.get(), handle).err(),
        Some(ENOENT)
    );
    let mine = bench.object(2)?.create_handle(other.get())?;
    check_eq!(
        Object::<ToyObject>::lookup_handle(other.get(), mine)?.colour,
        2
    );
    check_eq!(
        Object::<ToyObject>::lookup_handle(one.get(), handle)?.colour,
        1
    );
    Ok(())
}

fn an_object_that_fails_leaves_nothing() -> TestResult {
    let bench = Bench::new()?;
    let failed = Object::<ToyObject>::new(&bench.device, 4096, None);
    check_eq!(failed.err(), Some(EIO));
    check_eq!(bench.counts.objects.load(SeqCst), 0);
    // The memory of the one that failed serves the next.
    check_eq!(bench.object(4)?.colour, 4);
    check_eq!(bench.counts.objects.load(SeqCst), 0);
    Ok(())
}

/// What an object type must be to be a driver's.
fn is_object<O: AllocImpl<Driver = Toy> + IntoGEMObject + BaseObject>(_object: &O) -> bool {
    true
}

fn an_object_keeps_its_device() -> TestResult {
    let bench = Bench::new()?;
    let counts = bench.counts.clone();
    let object = bench.object(1)?;
    check!(is_object(&*object));
    let again = object.clone();
    drop(bench);
    drop(object);
    check_eq!(counts.devices.load(SeqCst), 1);
    drop(again);
    check_eq!(counts.objects.load(SeqCst), 0);
    check_eq!(counts.devices.load(SeqCst), 0);
    Ok(())
}

selftests! {
    handles_keep_objects_and_files_keep_handles => [
        drm_core::gem::Object,
        drm_core::gem::Object::new,
        drm_core::gem::Object::dev,
        drm_core::gem::BaseObject,
        drm_core::gem::DriverObject,
    ];
    handles_are_of_one_file => [];
    an_object_that_fails_leaves_nothing => [];
    an_object_keeps_its_device => [drm_core::gem::AllocImpl, drm_core::gem::IntoGEMObject];
}
