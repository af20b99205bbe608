// SPDX-License-Identifier: GPL-2.0 OR MIT
//! System calls with pointers: the only unsafe code of this crate.
#![allow(unsafe_code)] // ioctl, mmap, poll

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr::{self, NonNull},
    time::Duration,
};

/// `_IOWR('d', nr, size)`
const fn iowr(nr: u32, size: usize) -> libc::c_ulong {
    (3 << 30)
        | ((size as libc::c_ulong) << 16)
        | ((b'd' as libc::c_ulong) << 8)
        | nr as libc::c_ulong
}

/// Integers alone, with the layout that the kernel has: any bytes are a value.
///
/// # Safety
///
/// What its name says. Pointers among them are the caller's business.
pub(crate) unsafe trait Argument: Copy {}

macro_rules! arguments {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: `#[repr(C)]`, of integers.
        unsafe impl Argument for $type {}
    )*};
}

use kernel_abi::uapi::*;
arguments!(
    drm_nova_query,
    drm_nova_gem_new,
    drm_nova_gem_mmap_offset,
    drm_nova_vm_create,
    drm_nova_vm_destroy,
    drm_nova_vm_bind,
    drm_nova_queue_create,
    drm_nova_queue_destroy,
    drm_nova_exec,
);

// SAFETY: integers.
unsafe impl<const N: usize> Argument for [u32; N] {}
// SAFETY: integers.
unsafe impl<const N: usize> Argument for [u64; N] {}

/// Calls DRM core's ioctl `nr`; again when a signal came.
pub(crate) fn core_ioctl<T: Argument>(file: &File, nr: u32, arg: &mut T) -> io::Result<()> {
    loop {
        // SAFETY: `arg` is valid for its size, which the request carries; the kernel copies no more.
        let result = unsafe {
            libc::ioctl(
                file.as_raw_fd(),
                iowr(nr, size_of::<T>()),
                ptr::from_mut(arg),
            )
        };
        if result >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Calls the driver's ioctl `nr`.
pub(crate) fn ioctl<T: Argument>(file: &File, nr: u32, arg: &mut T) -> io::Result<()> {
    core_ioctl(file, 0x40 + nr, arg)
}

/// A descriptor that an ioctl has made.
pub(crate) fn owned(fd: u32) -> io::Result<OwnedFd> {
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits until there is something to read, at most so long; whether there is.
pub(crate) fn readable(file: &File, limit: Duration) -> io::Result<bool> {
    let mut poll = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let limit = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one structure, which lives as long as the call.
    match unsafe { libc::poll(&raw mut poll, 1, limit) } {
        0.. => Ok(poll.revents & libc::POLLIN != 0),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Nanoseconds of the monotonic clock.
pub(crate) fn monotonic() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: one structure. The clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    (now.tv_sec as u64) * 1_000_000_000 + now.tv_nsec as u64
}

/// A mapping of a file. Who else has it, a GPU or a process, may change it at any time: it is copied from and to, never referred
/// to.
pub(crate) struct Map {
    address: NonNull<u8>,
    len: usize,
}

// SAFETY: it is only copied from and to.
unsafe impl Send for Map {}
// SAFETY: as above; who races gets bytes of either.
unsafe impl Sync for Map {}

impl Map {
    pub(crate) fn new(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                protection,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                offset,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("at zero"))?;
        Ok(Self { address, len })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// # Panics
    ///
    /// When the range is not inside.
    fn at(&self, offset: usize, len: usize) -> *mut u8 {
        let is_inside = offset.checked_add(len).is_some_and(|end| end <= self.len);
        assert!(is_inside, "{offset}+{len} is not inside of {}", self.len);
        // SAFETY: inside of the mapping.
        unsafe { self.address.as_ptr().add(offset) }
    }

    pub(crate) fn read(&self, offset: usize, to: &mut [u8]) {
        // SAFETY: inside of the mapping; the other side is ours.
        unsafe { ptr::copy_nonoverlapping(self.at(offset, to.len()), to.as_mut_ptr(), to.len()) };
    }

    pub(crate) fn write(&self, offset: usize, from: &[u8]) {
        // SAFETY: as above.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), self.at(offset, from.len()), from.len()) };
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and nobody refers to it.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.len) };
    }
}
