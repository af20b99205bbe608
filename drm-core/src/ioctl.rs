// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The table of a driver's ioctls.
//!
//! C headers: `include/drm/drm_ioctl.h`, `include/uapi/asm-generic/ioctl.h`.
#![allow(non_snake_case)] // C's names

use crate::{
    device::{Device, Ioctl, Registered},
    driver::Driver,
    File,
};
use kernel_abi::error::{code::ENODEV, Result};

pub use crate::sys::ioctl::DrmIoctlDescriptor;

/// `DRM_AUTH`: on the primary node only for authenticated clients (`EACCES`).
pub const AUTH: u32 = 1 << 0;
/// `DRM_MASTER`: only for the master of the primary node (`EACCES`).
pub const MASTER: u32 = 1 << 1;
/// `DRM_ROOT_ONLY`: only with `CAP_SYS_ADMIN` (`EACCES`).
pub const ROOT_ONLY: u32 = 1 << 2;
/// `DRM_RENDER_ALLOW`: on the render node too (`EACCES` there without it).
pub const RENDER_ALLOW: u32 = 1 << 5;

/// `DRM_COMMAND_BASE`: the first number of a driver.
pub const COMMAND_BASE: u32 = 0x40;
/// Numbers that a driver has: up to `DRM_COMMAND_END`.
pub const COMMANDS: u32 = 0x60;

/// `DRM_IOCTL_BASE`
const BASE: u32 = b'd' as u32;
const NONE: u32 = 0;
const WRITE: u32 = 1;
const READ: u32 = 2;
/// Bytes that an argument is shorter than: `_IOC_SIZEBITS`.
const MAX_SIZE: usize = 1 << 14;

const fn ioc(direction: u32, nr: u32, size: usize) -> u32 {
    // PANIC: at compile time only; a table's numbers and sizes are constants.
    assert!(nr <= 0xff, "an ioctl number has 8 bits");
    assert!(size < MAX_SIZE, "an argument has at most 16383 bytes");
    (direction << 30) | ((size as u32) << 16) | (BASE << 8) | nr
}

/// `DRM_IO`: command `nr` without an argument.
pub const fn IO(nr: u32) -> u32 {
    ioc(NONE, nr, 0)
}

/// `DRM_IOR`: command `nr` whose argument is copied out.
pub const fn IOR<T>(nr: u32) -> u32 {
    ioc(READ, nr, size_of::<T>())
}

/// `DRM_IOW`: command `nr` whose argument is copied in.
pub const fn IOW<T>(nr: u32) -> u32 {
    ioc(WRITE, nr, size_of::<T>())
}

/// `DRM_IOWR`: command `nr` whose argument is copied in and out.
///
/// ```
/// use drm_core::ioctl;
///
/// #[repr(C)]
/// struct Argument {
///     value: u64,
/// }
/// const COMMAND: u32 = ioctl::IOWR::<Argument>(ioctl::COMMAND_BASE + 1);
/// assert_eq!(COMMAND, 0xc008_6441);
/// assert_eq!((ioctl::nr(COMMAND), ioctl::size(COMMAND)), (0x41, 8));
/// ```
pub const fn IOWR<T>(nr: u32) -> u32 {
    ioc(READ | WRITE, nr, size_of::<T>())
}

/// `_IOC_NR`: the number in a command.
pub const fn nr(cmd: u32) -> u32 {
    cmd & 0xff
}

/// `_IOC_SIZE`: bytes of a command's argument.
pub const fn size(cmd: u32) -> usize {
    (cmd >> 16) as usize & (MAX_SIZE - 1)
}

/// Where a driver's command is in its table.
///
/// A constant evaluation fails when it is no driver's command.
pub const fn index(cmd: u32) -> usize {
    // PANIC: at compile time only, as in `ioc`.
    assert!((cmd >> 8) & 0xff == BASE, "the command is not DRM's");
    let nr = nr(cmd);
    assert!(
        nr >= COMMAND_BASE && nr < COMMAND_BASE + COMMANDS,
        "a driver's ioctl numbers are 0x40 to 0x9f"
    );
    (nr - COMMAND_BASE) as usize
}

/// The length of a table with these commands. A constant evaluation fails unless their numbers ascend.
pub const fn table_len(commands: &[u32]) -> usize {
    let mut next = 0;
    let mut at = 0;
    while at < commands.len() {
        let index = index(commands[at]);
        // PANIC: at compile time only.
        assert!(index >= next, "ioctl numbers must ascend");
        next = index + 1;
        at += 1;
    }
    next
}

/// A constant evaluation fails unless `cmd` carries the size of `A`.
pub const fn check_size<A>(cmd: u32) {
    // PANIC: at compile time only.
    assert!(
        size(cmd) == size_of::<A>(),
        "the argument's type has another size than the command carries"
    );
}

mod private {
    pub struct InIoctl;
    pub struct InRegistered;
}

/// What can handle an ioctl: a function or a closure without captures, of one of two kinds.
///
/// | first argument | what dispatch does | the others |
/// |---|---|---|
/// | `&Device<T, Ioctl>` | calls the handler | argument, file |
/// | `&Device<T, Registered>` | keeps the device registered meanwhile (`drm_dev_enter()`), or answers `ENODEV` | registration data, argument, file |
///
/// Context: process, may sleep. `Kind` is found by the compiler.
pub trait Handler<T: Driver, A, Kind>: Copy + 'static {
    #[doc(hidden)]
    fn handle(self, device: &Device<T, Ioctl>, arg: &mut A, file: &File<T::File>) -> Result<u32>;
}

impl<T: Driver, A, H> Handler<T, A, private::InIoctl> for H
where
    H: Fn(&Device<T, Ioctl>, &mut A, &File<T::File>) -> Result<u32> + Copy + 'static,
{
    #[inline(always)]
    fn handle(self, device: &Device<T, Ioctl>, arg: &mut A, file: &File<T::File>) -> Result<u32> {
        self(device, arg, file)
    }
}

impl<T: Driver, A, H> Handler<T, A, private::InRegistered> for H
where
    H: for<'a, 'd> Fn(
            &'a Device<T, Registered>,
            &'d T::RegistrationData<'d>,
            &'a mut A,
            &'a File<T::File>,
        ) -> Result<u32>
        + Copy
        + 'static,
{
    #[inline(always)]
    fn handle(self, device: &Device<T, Ioctl>, arg: &mut A, file: &File<T::File>) -> Result<u32> {
        let guard = device.registration_guard().ok_or(ENODEV)?;
        guard.registration_data_with(|data| self(&guard, data, arg, file))
    }
}

/// Declares `const IOCTLS` of a [`Driver`]: a list of
/// `(command, argument type, flags, handler)`, by ascending number; gaps are unknown ioctls
/// (`EINVAL`).
///
/// That the numbers are a driver's and ascend, that each argument type has the size that its command carries, and
/// that the handlers are for this driver's devices and files, is checked when it is compiled. DRM core copies the
/// argument in and out. See [`Handler`] for what a handler is.
///
/// ```
/// # use drm_core::{doctest::*, declare_drm_ioctls, ioctl, device::Ioctl, Device, File};
/// # use kernel_abi::{error::Result, transmute::{AsBytes, FromBytes}};
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Double {
///     value: u32,
/// }
/// // SAFETY: an integer.
/// unsafe impl FromBytes for Double {}
/// // SAFETY: an integer.
/// unsafe impl AsBytes for Double {}
///
/// const DOUBLE: u32 = ioctl::IOWR::<Double>(ioctl::COMMAND_BASE);
///
/// fn double(_device: &Device<Toy, Ioctl>, arg: &mut Double, _file: &File<ToyFile>) -> Result<u32> {
///     arg.value *= 2;
///     Ok(0)
/// }
///
/// trait Table {
///     const IOCTLS: &'static [ioctl::DrmIoctlDescriptor];
/// }
/// impl Table for Toy {
///     declare_drm_ioctls! {
///         (DOUBLE, Double, ioctl::RENDER_ALLOW, double),
///     }
/// }
/// ```
#[macro_export]
macro_rules! declare_drm_ioctls {
    ($(($cmd:expr, $arg:ty, $flags:expr, $handler:expr)),* $(,)?) => {
        const IOCTLS: &'static [$crate::ioctl::DrmIoctlDescriptor] = &{
            // Evaluated even when nobody uses the table.
            const LEN: usize = $crate::ioctl::table_len(&[$($cmd),*]);
            $(const _: () = $crate::ioctl::check_size::<$arg>($cmd);)*
            let mut table = [$crate::ioctl::DrmIoctlDescriptor::gap(); LEN];
            $(
                table[$crate::ioctl::index($cmd)] =
                    $crate::ioctl::DrmIoctlDescriptor::new::<Self, $arg, _, _>($cmd, $flags, $handler);
            )*
            table
        };
    };
}
