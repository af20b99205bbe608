// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Memory of the calling process.
//!
//! C header: `include/linux/uaccess.h`. A process may change its memory at any time, also between two reads: copy once,
//! then check the copy. A [`UserSlice`] is made into a reader or a writer, which move on with each access, so that
//! nothing is read twice by accident.
//!
//! Context: process, may sleep.
//!
//! ```no_run
//! use kernel_abi::{error::Result, uaccess::{UserPtr, UserSlice}};
//!
//! fn answer(argument: usize) -> Result {
//!     let (mut reader, mut writer) = UserSlice::new(UserPtr::from_addr(argument), 8).reader_writer();
//!     let mut bytes = [0; 8];
//!     reader.read_slice(&mut bytes)?;
//!     bytes.reverse();
//!     writer.write_slice(&bytes)
//! }
//! ```

use super::bindings;
use crate::{
    alloc::{Flags, KVec},
    error::{code::EFAULT, Result},
};
use core::ffi::c_void;

/// An address in a process, not checked yet.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct UserPtr(*mut c_void);

impl UserPtr {
    /// From a number, as an ioctl's argument is.
    pub const fn from_addr(addr: usize) -> Self {
        Self(core::ptr::without_provenance_mut(addr))
    }

    /// From C's `void __user *`.
    pub const fn from_ptr(ptr: *mut c_void) -> Self {
        Self(ptr)
    }

    /// As C's, to read from.
    pub const fn as_const_ptr(self) -> *const c_void {
        self.0
    }

    /// As C's, to write to.
    pub const fn as_mut_ptr(self) -> *mut c_void {
        self.0
    }

    /// So many bytes further.
    pub const fn wrapping_byte_add(self, add: usize) -> Self {
        Self(self.0.wrapping_byte_add(add))
    }
}

/// A range of a process's memory, not checked yet.
pub struct UserSlice {
    ptr: UserPtr,
    length: usize,
}

impl UserSlice {
    /// `length` bytes at `ptr`. Any address may be given; what is not the process's own ends in `EFAULT` when it is used.
    pub const fn new(ptr: UserPtr, length: usize) -> Self {
        Self { ptr, length }
    }

    /// To read it.
    pub const fn reader(self) -> UserSliceReader {
        UserSliceReader(self)
    }

    /// To write it.
    pub const fn writer(self) -> UserSliceWriter {
        UserSliceWriter(self)
    }

    /// To read it first and write it then.
    pub const fn reader_writer(self) -> (UserSliceReader, UserSliceWriter) {
        let Self { ptr, length } = self;
        (
            UserSliceReader(Self { ptr, length }),
            UserSliceWriter(Self { ptr, length }),
        )
    }

    /// Appends all of it to `buf`. `ENOMEM`; `EFAULT`, and then `buf` is as before. Bound the length first: it is the process's
    /// wish.
    pub fn read_all(self, buf: &mut KVec<u8>, flags: Flags) -> Result {
        self.reader().read_all(buf, flags)
    }

    /// The address of the next `len` bytes; `EFAULT` when there are not so many.
    fn take(&mut self, len: usize) -> Result<UserPtr> {
        let left = self.length.checked_sub(len).ok_or(EFAULT)?;
        let ptr = self.ptr;
        self.length = left;
        self.ptr = ptr.wrapping_byte_add(len);
        Ok(ptr)
    }
}

/// Reads a process's memory from its beginning on.
pub struct UserSliceReader(UserSlice);

impl UserSliceReader {
    /// Bytes that are left.
    pub const fn len(&self) -> usize {
        self.0.length
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.0.length == 0
    }

    /// Leaves bytes out. `EFAULT` when there are not so many.
    pub fn skip(&mut self, num_skip: usize) -> Result {
        self.0.take(num_skip).map(drop)
    }

    /// Fills `out` (`copy_from_user()`). `EFAULT` when there are not so many bytes, or they are not the process's; then `out`
    /// may be filled in part, with zeros behind it.
    pub fn read_slice(&mut self, out: &mut [u8]) -> Result {
        let from = self.0.take(out.len())?;
        // SAFETY: `out` is valid for writes of its length; C checks the other address.
        let left = unsafe {
            bindings::nova_copy_from_user(
                out.as_mut_ptr().cast(),
                from.as_const_ptr(),
                out.len() as core::ffi::c_ulong,
            )
        };
        match left {
            0 => Ok(()),
            _ => Err(EFAULT),
        }
    }

    /// Appends all that is left to `buf`. Errors as [`UserSlice::read_all`].
    pub fn read_all(mut self, buf: &mut KVec<u8>, flags: Flags) -> Result {
        let before = buf.len();
        for _ in 0..self.len() {
            buf.push(0, flags)?;
        }
        let result = match buf.get_mut(before..) {
            Some(out) => self.read_slice(out),
            None => Ok(()),
        };
        if result.is_err() {
            buf.truncate(before);
        }
        result
    }
}

/// Writes a process's memory from its beginning on.
pub struct UserSliceWriter(UserSlice);

impl UserSliceWriter {
    /// Bytes that there is room for.
    pub const fn len(&self) -> usize {
        self.0.length
    }

    /// Whether there is no room left.
    pub const fn is_empty(&self) -> bool {
        self.0.length == 0
    }

    /// Writes `data` (`copy_to_user()`). `EFAULT` when there is no room for it, or the memory is not the process's; then
    /// a part of it may be written.
    pub fn write_slice(&mut self, data: &[u8]) -> Result {
        let to = self.0.take(data.len())?;
        // SAFETY: `data` is valid for reads of its length; C checks the other address.
        let left = unsafe {
            bindings::nova_copy_to_user(
                to.as_mut_ptr(),
                data.as_ptr().cast(),
                data.len() as core::ffi::c_ulong,
            )
        };
        match left {
            0 => Ok(()),
            _ => Err(EFAULT),
        }
    }
}
