// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A small driver on the hosted DRM core.

extern crate std;

mod context;
mod event;
mod fence;
mod handles;
mod permit;

use crate::{
    declare_drm_ioctls,
    device::{Device, Ioctl, Registered},
    driver::{Driver, DriverInfo},
    file::{DriverFile, File},
    gem::{BaseObject, DriverObject, Object},
    ioctl, Minor, Registration, UnregisteredDevice,
};
use core::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    device::{self, RootDevice},
    error::{
        code::{EACCES, EINVAL, EIO, ENODEV, ENOENT},
        Error, Result,
    },
    transmute::{AsBytes, FromBytes},
    types::ARef,
};
use pinned_init::PinInit;
use std::sync::Arc;

#[derive(Default)]
struct Counts {
    objects: AtomicUsize,
    open: AtomicUsize,
    files: AtomicUsize,
}

struct Toy;

/// What [`ToyFile::add`] adds.
struct Summand<'a>(&'a u32);

#[derive(Clone, Copy)]
#[repr(C)]
struct Double {
    value: u32,
}
// SAFETY: an integer.
unsafe impl FromBytes for Double {}
// SAFETY: an integer.
unsafe impl AsBytes for Double {}

/// The command of the toy's ioctl `nr`.
const fn double(nr: u32) -> u32 {
    ioctl::IOWR::<Double>(ioctl::COMMAND_BASE + nr)
}

const DOUBLE: u32 = double(0x00);
const AUTH: u32 = double(0x05);
const ROOT: u32 = double(0x06);
const MASTER: u32 = double(0x07);
const ADD: u32 = double(0x10);

impl Driver for Toy {
    type Data = Arc<Counts>;
    type RegistrationData<'a> = Summand<'a>;
    type Object = Object<ToyObject>;
    type File = ToyFile;
    type ParentDevice<Ctx: device::DeviceContext> = device::Device<Ctx>;
    const INFO: DriverInfo = DriverInfo {
        major: 1,
        minor: 0,
        patchlevel: 0,
        name: c"toy",
        desc: c"for tests",
    };
    const FEAT_RENDER: bool = true;
    const FEAT_SYNCOBJ: bool = true;
    const FEAT_SYNCOBJ_TIMELINE: bool = true;

    declare_drm_ioctls! {
        (DOUBLE, Double, ioctl::RENDER_ALLOW, ToyFile::double),
        (AUTH, Double, ioctl::AUTH, ToyFile::double),
        (ROOT, Double, ioctl::ROOT_ONLY | ioctl::RENDER_ALLOW, ToyFile::double),
        (MASTER, Double, ioctl::MASTER, ToyFile::double),
        (ADD, Double, ioctl::RENDER_ALLOW, ToyFile::add),
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
    fn double(_device: &Device<Toy, Ioctl>, arg: &mut Double, _file: &File<Self>) -> Result<u32> {
        arg.value = arg.value.checked_mul(2).ok_or(EINVAL)?;
        Ok(7)
    }

    fn add(
        device: &Device<Toy, Registered>,
        summand: &Summand<'_>,
        arg: &mut Double,
        _file: &File<Self>,
    ) -> Result<u32> {
        let parent: &device::Device<device::Bound> = device.as_ref();
        assert_eq!(parent.name(), c"toy");
        arg.value += summand.0;
        Ok(0)
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

/// A registered device, its parent, and what is counted.
struct Bench {
    counts: Arc<Counts>,
    device: ARef<Device<Toy>>,
    /// Dropped to unbind the parent, and so unregister the device.
    parent: Option<RootDevice>,
}

fn toy() -> Bench {
    let counts = Arc::new(Counts::default());
    let parent = RootDevice::new(c"toy").unwrap();
    let device = UnregisteredDevice::<Toy>::new(&parent, Ok(counts.clone())).unwrap();
    let data = Ok::<_, Error>(Summand(&5));
    let device = Registration::new_foreign_owned(device, &parent, data, 0).unwrap();
    Bench {
        counts,
        device: ARef::from(device),
        parent: Some(parent),
    }
}

impl Bench {
    fn open(&self) -> Pin<KBox<File<ToyFile>>> {
        File::open(&self.device).unwrap()
    }

    fn object(&self) -> ARef<Object<ToyObject>> {
        Object::<ToyObject>::new(&self.device, 4096, (false, false)).unwrap()
    }

    fn unregister(&mut self) {
        self.parent = None;
    }
}

#[test]
fn handles_keep_objects_and_files_keep_handles() {
    let bench = toy();
    let counts = bench.counts.clone();
    let file = bench.open();
    let object = bench.object();
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
    drop(bench);
    assert_eq!(Arc::strong_count(&counts), 1);
}

#[test]
fn what_fails_leaves_nothing() {
    let bench = toy();
    let counts = bench.counts.clone();
    let file = bench.open();
    let failed = Object::<ToyObject>::new(&bench.device, 4096, (true, false));
    assert_eq!(failed.err(), Some(EIO));
    let refused = Object::<ToyObject>::new(&bench.device, 4096, (false, true)).unwrap();
    assert_eq!(refused.create_handle(&file), Err(EACCES));
    assert_eq!(file.handle_count(), 0);
    drop(refused);
    assert_eq!(counts.objects.load(SeqCst), 0);
}

#[test]
fn handles_are_of_one_file() {
    let bench = toy();
    let (one, other) = (bench.open(), bench.open());
    let object = bench.object();
    let handle = object.create_handle(&one).unwrap();
    let foreign = Object::<ToyObject>::lookup_handle(&other, handle);
    assert_eq!(foreign.err(), Some(ENOENT));
    // The toy's files want to go without open handles.
    drop(one);
    drop(other);
}

#[test]
fn ioctls_go_through_the_table() {
    let mut bench = toy();
    let file = bench.open();
    let mut arg = Double { value: 21 };
    assert_eq!(file.ioctl(DOUBLE, &mut arg), Ok(7));
    assert_eq!(arg.value, 42);
    assert_eq!(file.ioctl(ADD, &mut arg), Ok(0));
    assert_eq!(arg.value, 47, "the registration's data was there");
    let mut big = Double { value: u32::MAX };
    assert_eq!(file.ioctl(DOUBLE, &mut big), Err(EINVAL));
    for (cmd, what) in [
        (double(0x03), "a gap"),
        (double(0x11), "beyond the table"),
        (double(0x80), "beyond a driver's numbers"),
        (ioctl::IOWR::<Double>(0x09), "below a driver's numbers"),
        (ioctl::IOW::<Double>(0x40), "another direction"),
    ] {
        assert_eq!(file.ioctl(cmd, &mut arg), Err(EINVAL), "{what}");
    }
    assert_eq!(file.ioctl(DOUBLE, &mut 1u64), Err(EINVAL), "another size");
    assert_eq!(
        file.ioctl(DOUBLE, &mut 1u32),
        Err(EINVAL),
        "another type of the same size"
    );
    bench.unregister();
    assert_eq!(file.ioctl(DOUBLE, &mut arg), Err(ENODEV), "unplugged");
}
