// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Ioctls and mmap: the only unsafe code of the guest programs.
#![allow(unsafe_code)] // system calls with pointers

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd},
    ptr::{self, NonNull},
};

/// `_IOWR('d', 0x40 + nr, size)`: a driver ioctl of DRM (`include/uapi/drm/drm.h`).
pub const fn drm_iowr(nr: u32, size: usize) -> libc::c_ulong {
    drm_iowr_core(0x40 + nr, size)
}

/// `_IOWR('d', nr, size)`: an ioctl of DRM core.
pub const fn drm_iowr_core(nr: u32, size: usize) -> libc::c_ulong {
    ((3 << 30) | ((size as libc::c_ulong) << 16) | ((b'd' as libc::c_ulong) << 8))
        | nr as libc::c_ulong
}

/// Calls ioctl `request` with `arg`; restarts on EINTR as libdrm does.
///
/// `T` is plain data: every bit pattern is a value.
pub fn ioctl<T: Copy>(file: &File, request: libc::c_ulong, arg: &mut T) -> io::Result<()> {
    loop {
        // SAFETY: `arg` is valid for reads and writes of its size, which the caller has encoded in
        // `request`; DRM core copies no more than that.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), request, ptr::from_mut(arg)) };
        if result >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// A descriptor that an ioctl has just made, and that nobody else knows.
pub fn owned(fd: u32) -> File {
    // SAFETY: the caller says that the descriptor is new.
    unsafe { File::from_raw_fd(fd as i32) }
}

/// Maps `len` bytes at `offset` of `file`, shared, readable and writable.
pub fn map(file: &File, offset: u64, len: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe {
        libc::mmap(
            ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            offset as libc::off_t,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at zero"))
}

/// Unmaps what [`map`] mapped.
///
/// # Safety
///
/// `address` and `len` are of one [`map`], and nothing refers to the mapping.
pub unsafe fn unmap(address: NonNull<u8>, len: usize) {
    // SAFETY: by this function's contract.
    unsafe { libc::munmap(address.as_ptr().cast(), len) };
}

/// Reads `len` volatile bytes at `address`.
///
/// # Safety
///
/// The range is inside a live mapping.
pub unsafe fn read(address: NonNull<u8>, offset: usize, to: &mut [u8]) {
    for (index, byte) in to.iter_mut().enumerate() {
        // SAFETY: by this function's contract.
        *byte = unsafe { address.add(offset + index).read_volatile() };
    }
}

/// Reads eight bytes at once.
///
/// # Safety
///
/// They are inside a live mapping, at a multiple of eight.
pub unsafe fn load64(address: NonNull<u8>, offset: usize) -> u64 {
    // SAFETY: by this function's contract.
    unsafe { address.add(offset).cast::<u64>().read_volatile() }
}

/// Writes eight bytes at once.
///
/// # Safety
///
/// They are inside a live mapping, at a multiple of eight.
pub unsafe fn store64(address: NonNull<u8>, offset: usize, value: u64) {
    // SAFETY: by this function's contract.
    unsafe { address.add(offset).cast::<u64>().write_volatile(value) };
}

/// Writes volatile bytes at `address`.
///
/// # Safety
///
/// The range is inside a live mapping.
pub unsafe fn write(address: NonNull<u8>, offset: usize, from: &[u8]) {
    for (index, byte) in from.iter().enumerate() {
        // SAFETY: by this function's contract.
        unsafe { address.add(offset + index).write_volatile(*byte) };
    }
}
