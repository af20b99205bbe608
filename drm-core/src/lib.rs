// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The DRM layer: devices, open files, GEM objects, ioctls and events, as Linux's `rust/kernel/drm` shapes them.
//!
//! One set of traits, two homes: in the *kernel* home the types stand on DRM core of a stock
//! kernel; in the *hosted* home on one of our own, which the daemon runs for each tenant. The seam
//! is [`sys`].
//!
//! | module | holds |
//! |---|---|
//! | [`driver`] | what a driver is |
//! | [`device`] | a device, and what its type says about its life |
//! | [`registration`] | making a device visible, and taking it away |
//! | [`file`](mod@file) | a driver's part of an open file |
//! | [`gem`] | objects and handles |
//! | [`ioctl`] | the ioctl table, checked at compile time |
//! | [`event`] | what a driver tells a file |
//! | [`fence`] | work that will be over |
//! | [`syncobj`] | handles to that |
//!
//! # A whole driver
//!
//! ```
//! use core::pin::Pin;
//! use drm_core::{
//!     declare_drm_ioctls, device::Registered, gem::{self, BaseObject, DriverObject}, ioctl, Device, Driver, DriverFile,
//!     DriverInfo, File, Registration, UnregisteredDevice,
//! };
//! use kernel_abi::{
//!     alloc::{flags::GFP_KERNEL, KBox},
//!     device::{self, RootDevice},
//!     error::{Error, Result},
//!     transmute::{AsBytes, FromBytes},
//! };
//! use pinned_init::PinInit;
//!
//! struct Toy;
//! struct ToyFile;
//! struct ToyObject;
//!
//! /// The argument of its one ioctl.
//! #[derive(Clone, Copy, Default)]
//! #[repr(C)]
//! struct Create {
//!     size: u64,
//!     handle: u32,
//!     pad: u32,
//! }
//! // SAFETY: integers alone.
//! unsafe impl FromBytes for Create {}
//! // SAFETY: no padding.
//! unsafe impl AsBytes for Create {}
//!
//! const TOY_CREATE: u32 = ioctl::IOWR::<Create>(ioctl::COMMAND_BASE);
//!
//! impl Driver for Toy {
//!     type Data = ();
//!     type RegistrationData<'a> = u64; // the longest object
//!     type Object = gem::Object<ToyObject>;
//!     type File = ToyFile;
//!     type ParentDevice<Ctx: device::DeviceContext> = device::Device<Ctx>;
//!     const INFO: DriverInfo =
//!         DriverInfo { major: 1, minor: 0, patchlevel: 0, name: c"toy", desc: c"A toy" };
//!     const FEAT_RENDER: bool = true;
//!
//!     declare_drm_ioctls! {
//!         (TOY_CREATE, Create, ioctl::RENDER_ALLOW, ToyFile::create),
//!     }
//! }
//!
//! impl DriverFile for ToyFile {
//!     type Driver = Toy;
//!
//!     fn open(_device: &Device<Toy>) -> Result<Pin<KBox<Self>>> {
//!         Ok(KBox::pin(Self, GFP_KERNEL)?)
//!     }
//! }
//!
//! impl ToyFile {
//!     fn create(
//!         device: &Device<Toy, Registered>,
//!         longest: &u64,
//!         arg: &mut Create,
//!         file: &File<Self>,
//!     ) -> Result<u32> {
//!         let size = arg.size.min(*longest) as usize;
//!         arg.handle = gem::Object::<ToyObject>::new(device, size, ())?.create_handle(file)?;
//!         Ok(0)
//!     }
//! }
//!
//! impl DriverObject for ToyObject {
//!     type Driver = Toy;
//!     type Args = ();
//!
//!     fn new(_device: &Device<Toy>, _size: usize, _args: ()) -> impl PinInit<Self, Error> {
//!         Ok(Self)
//!     }
//! }
//!
//! // In the kernel home a bus's probe has the parent, and programs do the rest.
//! let parent = RootDevice::new(c"parent")?;
//! let device = UnregisteredDevice::<Toy>::new(&parent, Ok(()))?;
//! let device = Registration::new_foreign_owned::<Error>(device, &parent, Ok(1 << 20), 0)?;
#![cfg_attr(
    home = "hosted",
    doc = "let file = File::<ToyFile>::open(device)?;
let mut create = Create { size: 4096, ..Create::default() };
file.ioctl(TOY_CREATE, &mut create)?;
let object = gem::Object::<ToyObject>::lookup_handle(&file, create.handle)?;
assert_eq!(object.size(), 4096);"
)]
//! # Ok::<(), Error>(())
//! ```
#![no_std]

pub mod device;
#[doc(hidden)]
pub mod doctest;
pub mod driver;
pub mod event;
pub mod fence;
pub mod file;
pub mod gem;
pub mod ioctl;
pub mod registration;
pub mod syncobj;
pub mod sys;

pub use device::{Device, RegistrationGuard, UnregisteredDevice};
pub use driver::{Driver, DriverInfo};
pub use file::{DriverFile, File};
pub use registration::Registration;

#[allow(unused_imports)] // empty in the kernel home
pub use sys::exports::*;
