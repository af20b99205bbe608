// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A small driver on the hosted DRM core.

extern crate std;

use super::{
    device::{Device, Registration},
    file::File,
    handles::Handles,
};
use crate::{
    declare_drm_ioctls,
    driver::{Driver, DriverInfo},
    file::DriverFile,
    gem::{BaseObject, DriverObject, Object},
    ioctl,
};
use core::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::{
        code::{EACCES, EINVAL, EIO, ENODEV, ENOENT},
        Error, Result,
    },
};
use pinned_init::PinInit;
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc, vec::Vec};

#[derive(Default)]
struct Counts {
    objects: AtomicUsize,
    open: AtomicUsize,
    files: AtomicUsize,
}

struct Toy;

#[derive(Clone, Copy)]
#[repr(C)]
struct Double {
    value: u32,
}

impl Driver for Toy {
    type Data = Arc<Counts>;
    type Object = Object<ToyObject>;
    type File = ToyFile;
    const INFO: DriverInfo = DriverInfo {
        major: 1,
        minor: 0,
        patchlevel: 0,
        name: c"toy",
        desc: c"for tests",
    };
    declare_drm_ioctls! {
        (0x00, Double, ioctl::RENDER_ALLOW, ToyFile::double),
        (0x05, Double, ioctl::AUTH, ToyFile::double),
    }
}

struct ToyFile(Arc<Counts>);

impl DriverFile for ToyFile {
    type Driver = Toy;

    fn open(device: &Device<Toy>) -> Result<Pin<KBox<Self>>> {
        device.files.fetch_add(1, SeqCst);
        Ok(KBox::pin(Self((**device).clone()), GFP_KERNEL)?)
    }
}

impl ToyFile {
    fn double(_device: &Device<Toy>, arg: &mut Double, _file: &File<Self>) -> Result<u32> {
        arg.value = arg.value.checked_mul(2).ok_or(EINVAL)?;
        Ok(7)
    }
}

impl Drop for ToyFile {
    fn drop(&mut self) {
        // Handles go before the file.
        assert_eq!(self.0.open.load(SeqCst), 0);
        self.0.files.fetch_sub(1, SeqCst);
    }
}

struct ToyObject {
    counts: Arc<Counts>,
    refuse: bool,
}

impl DriverObject for ToyObject {
    type Driver = Toy;
    type Args = (bool, bool);

    fn new(
        device: &Device<Toy>,
        _size: usize,
        (fail, refuse): (bool, bool),
    ) -> impl PinInit<Self, Error> {
        if fail {
            return Err(EIO);
        }
        let counts = (**device).clone();
        counts.objects.fetch_add(1, SeqCst);
        Ok(Self { counts, refuse })
    }

    fn open(object: &Object<Self>, _file: &File<ToyFile>) -> Result {
        if object.refuse {
            return Err(EACCES);
        }
        object.counts.open.fetch_add(1, SeqCst);
        Ok(())
    }

    fn close(object: &Object<Self>, _file: &File<ToyFile>) {
        object.counts.open.fetch_sub(1, SeqCst);
    }
}

impl Drop for ToyObject {
    fn drop(&mut self) {
        self.counts.objects.fetch_sub(1, SeqCst);
    }
}

fn toy() -> (Arc<Counts>, Registration<Toy>) {
    let counts = Arc::new(Counts::default());
    let device = Device::<Toy>::new(Ok(counts.clone())).unwrap();
    (counts, Registration::new(device).unwrap())
}

#[test]
fn handles_keep_objects_and_files_keep_handles() {
    let (counts, registration) = toy();
    let file = File::<ToyFile>::open(&registration).unwrap();
    let object = Object::<ToyObject>::new(registration.device(), 4096, (false, false)).unwrap();
    let first = object.create_handle(&file).unwrap();
    let second = object.create_handle(&file).unwrap();
    assert_ne!(first, 0);
    assert_ne!(first, second);
    drop(object);
    let found = Object::<ToyObject>::lookup_handle(&file, first).unwrap();
    assert_eq!(found.size(), 4096);
    drop(found);
    assert_eq!(file.delete_handle(first), Ok(()));
    assert_eq!(file.delete_handle(first), Err(ENOENT));
    assert_eq!(counts.objects.load(SeqCst), 1);
    drop(file);
    assert_eq!(counts.objects.load(SeqCst), 0);
    assert_eq!(counts.files.load(SeqCst), 0);
    // One here, none in a device that is gone.
    drop(registration);
    assert_eq!(Arc::strong_count(&counts), 1);
}

#[test]
fn what_fails_leaves_nothing() {
    let (counts, registration) = toy();
    let file = File::<ToyFile>::open(&registration).unwrap();
    let failed = Object::<ToyObject>::new(registration.device(), 4096, (true, false));
    assert_eq!(failed.err(), Some(EIO));
    let refused = Object::<ToyObject>::new(registration.device(), 4096, (false, true)).unwrap();
    assert_eq!(refused.create_handle(&file), Err(EACCES));
    assert_eq!(file.handle_count(), 0);
    drop(refused);
    assert_eq!(counts.objects.load(SeqCst), 0);
}

#[test]
fn handles_are_of_one_file() {
    let (_counts, registration) = toy();
    let (one, other) = (
        File::<ToyFile>::open(&registration).unwrap(),
        File::<ToyFile>::open(&registration).unwrap(),
    );
    let object = Object::<ToyObject>::new(registration.device(), 4096, (false, false)).unwrap();
    let handle = object.create_handle(&one).unwrap();
    let foreign = Object::<ToyObject>::lookup_handle(&other, handle);
    assert_eq!(foreign.err(), Some(ENOENT));
    // The toy's files want to go without open handles.
    drop(one);
    drop(other);
}

#[test]
fn ioctls_go_through_the_table() {
    let (_counts, registration) = toy();
    let file = File::<ToyFile>::open(&registration).unwrap();
    let mut arg = Double { value: 21 };
    assert_eq!(file.ioctl(0x00, &mut arg), Ok(7));
    assert_eq!(arg.value, 42);
    let mut big = Double { value: u32::MAX };
    assert_eq!(file.ioctl(0x00, &mut big), Err(EINVAL));
    assert_eq!(file.ioctl(0x03, &mut arg), Err(EINVAL), "a gap");
    assert_eq!(file.ioctl(0x06, &mut arg), Err(EINVAL), "beyond the table");
    assert_eq!(
        file.ioctl(0x05, &mut arg),
        Err(EACCES),
        "not on a render node"
    );
    assert_eq!(file.ioctl(0x00, &mut 1u64), Err(EINVAL), "another size");
    assert_eq!(
        file.ioctl(0x00, &mut 1u32),
        Err(EINVAL),
        "another type of the same size"
    );
    drop(registration);
    assert_eq!(file.ioctl(0x00, &mut arg), Err(ENODEV), "unplugged");
}

proptest! {
    #[test]
    fn handle_table_is_a_map(ops in proptest::collection::vec((any::<bool>(), 1u32..40), 0..200)) {
        let mut table = Handles::new();
        let mut model: BTreeMap<u32, usize> = BTreeMap::new();
        for (index, (insert, handle)) in ops.into_iter().enumerate() {
            if insert {
                let handle = table.insert(index).unwrap();
                prop_assert!(handle != 0);
                prop_assert_eq!(model.insert(handle, index), None);
            } else {
                prop_assert_eq!(table.remove(handle).ok(), model.remove(&handle));
            }
            prop_assert_eq!(table.len(), model.len());
            for handle in 0..45 {
                prop_assert_eq!(table.get(handle).ok(), model.get(&handle));
            }
        }
        let mut left: Vec<usize> = model.into_values().collect();
        while let Some(value) = table.pop() {
            let at = left.iter().position(|left| *left == value);
            prop_assert!(at.is_some());
            left.swap_remove(at.unwrap());
        }
        prop_assert!(left.is_empty());
        prop_assert_eq!(table.insert(0), Ok(1));
    }
}
