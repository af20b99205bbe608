// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A small DRM driver that counts what it has.

use crate::{sys::drm::OpenFile, test::Failure};
use core::{
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};
use drm_core::{
    declare_drm_ioctls,
    device::{Ioctl, Registered},
    gem::{DriverObject, Object},
    ioctl, Device, Driver, DriverFile, DriverInfo, File, Registration, UnregisteredDevice,
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    device::{self, Bound, RootDevice},
    error::{
        code::{EINVAL, EIO, ENODEV},
        Error, Result,
    },
    sync::Arc,
    transmute::{AsBytes, FromBytes},
    types::ARef,
};
use pinned_init::PinInit;

/// What there is of a device.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) devices: AtomicU32,
    pub(crate) files: AtomicU32,
    pub(crate) objects: AtomicU32,
    pub(crate) handles: AtomicU32,
}

/// What belongs to a device.
pub(crate) struct Data(pub(crate) Arc<Counts>);

impl Data {
    pub(crate) fn new(counts: &Arc<Counts>) -> Self {
        counts.devices.fetch_add(1, SeqCst);
        Self(counts.clone())
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        self.0.devices.fetch_sub(1, SeqCst);
    }
}

/// The argument of all its ioctls.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Number {
    pub(crate) value: u64,
}
// SAFETY: an integer.
unsafe impl FromBytes for Number {}
// SAFETY: an integer.
unsafe impl AsBytes for Number {}

pub(crate) const DOUBLE: u32 = number(0x00);
pub(crate) const ADD: u32 = number(0x02);
pub(crate) const TRY: u32 = number(0x03);
pub(crate) const MASTER: u32 = number(0x20);

/// Toy's command `nr`.
pub(crate) const fn number(nr: u32) -> u32 {
    ioctl::IOWR::<Number>(ioctl::COMMAND_BASE + nr)
}

/// What [`ADD`] and [`TRY`] add; the registration has it.
pub(crate) struct Summand(pub(crate) u64);

/// The driver.
pub(crate) struct Toy;

impl Driver for Toy {
    type Data = Data;
    type RegistrationData<'a> = Summand;
    type Object = Object<ToyObject>;
    type File = ToyFile;
    type ParentDevice<Ctx: device::DeviceContext> = device::Device<Ctx>;
    const INFO: DriverInfo = DriverInfo {
        major: 1,
        minor: 2,
        patchlevel: 3,
        name: c"nova-selftest",
        desc: c"A driver for tests",
    };
    const FEAT_RENDER: bool = true;
    const FEAT_SYNCOBJ: bool = true;
    const FEAT_SYNCOBJ_TIMELINE: bool = true;

    declare_drm_ioctls! {
        (DOUBLE, Number, ioctl::RENDER_ALLOW, ToyFile::double),
        (ADD, Number, ioctl::AUTH | ioctl::RENDER_ALLOW, ToyFile::add),
        (TRY, Number, ioctl::RENDER_ALLOW, ToyFile::try_add),
        (MASTER, Number, ioctl::MASTER, ToyFile::double),
    }
}

/// Its files.
pub(crate) struct ToyFile(pub(crate) Arc<Counts>);

impl DriverFile for ToyFile {
    type Driver = Toy;

    fn open(device: &Device<Toy>) -> Result<Pin<KBox<Self>>> {
        let file = KBox::pin(Self(device.0.clone()), GFP_KERNEL)?;
        device.0.files.fetch_add(1, SeqCst);
        Ok(file)
    }
}

impl Drop for ToyFile {
    fn drop(&mut self) {
        self.0.files.fetch_sub(1, SeqCst);
    }
}

impl ToyFile {
    fn double(_device: &Device<Toy, Ioctl>, arg: &mut Number, _file: &File<Self>) -> Result<u32> {
        arg.value = arg.value.checked_mul(2).ok_or(EINVAL)?;
        Ok(7)
    }

    fn add(
        device: &Device<Toy, Registered>,
        summand: &Summand,
        arg: &mut Number,
        _file: &File<Self>,
    ) -> Result<u32> {
        let parent: &device::Device<Bound> = device.as_ref();
        if !parent.is_same(AsRef::<device::Device>::as_ref(&**device)) {
            return Err(EIO);
        }
        arg.value += summand.0;
        Ok(0)
    }

    /// As `add`, with a guard of its own.
    fn try_add(device: &Device<Toy, Ioctl>, arg: &mut Number, _file: &File<Self>) -> Result<u32> {
        let guard = device.registration_guard().ok_or(ENODEV)?;
        guard.registration_data_with(|summand| arg.value += summand.0);
        Ok(0)
    }
}

/// Its objects.
pub(crate) struct ToyObject {
    counts: Arc<Counts>,
    pub(crate) colour: u32,
}

impl DriverObject for ToyObject {
    type Driver = Toy;
    /// The colour; none fails.
    type Args = Option<u32>;

    fn new(device: &Device<Toy>, _size: usize, colour: Option<u32>) -> impl PinInit<Self, Error> {
        let colour = colour.ok_or(EIO)?;
        let counts = device.0.clone();
        counts.objects.fetch_add(1, SeqCst);
        Ok(Self { counts, colour })
    }

    fn open(object: &Object<Self>, _file: &File<ToyFile>) -> Result {
        object.counts.handles.fetch_add(1, SeqCst);
        Ok(())
    }

    fn close(object: &Object<Self>, _file: &File<ToyFile>) {
        object.counts.handles.fetch_sub(1, SeqCst);
    }
}

impl Drop for ToyObject {
    fn drop(&mut self) {
        self.counts.objects.fetch_sub(1, SeqCst);
    }
}

/// A registered device, and what is counted.
pub(crate) struct Bench {
    pub(crate) counts: Arc<Counts>,
    pub(crate) device: ARef<Device<Toy>>,
    /// Dropped to unbind the parent, and so unregister the device.
    parent: Option<RootDevice>,
}

impl Bench {
    pub(crate) fn new() -> Result<Self, Failure> {
        let counts = Arc::new(Counts::default(), GFP_KERNEL)?;
        let parent = RootDevice::new(c"nova-selftest")?;
        let device = UnregisteredDevice::<Toy>::new(&parent, Ok(Data::new(&counts)))?;
        let data = Ok::<_, Error>(Summand(5));
        let device = Registration::new_foreign_owned(device, &parent, data, 0)?;
        Ok(Self {
            counts,
            device: ARef::from(device),
            parent: Some(parent),
        })
    }

    pub(crate) fn open(&self) -> Result<OpenFile<Toy>> {
        OpenFile::open(&self.device)
    }

    pub(crate) fn object(&self, colour: u32) -> Result<ARef<Object<ToyObject>>> {
        Object::<ToyObject>::new(&self.device, 8192, Some(colour))
    }

    pub(crate) fn unregister(&mut self) {
        self.parent = None;
    }
}
