// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Open files.
//!
//! C headers: `include/linux/fs.h`, `include/linux/file.h`.

use super::{bindings, cred::Credential};
use crate::{
    error::{code::EBADF, Result},
    types::{ARef, AlwaysRefCounted, Opaque},
};
use core::ptr::NonNull;

/// An open file (`struct file`), of which several descriptors may be copies.
///
/// # Invariants
///
/// The value lives where C made it, and has a count for as long as it is referred to.
#[repr(transparent)]
pub struct File {
    inner: Opaque<bindings::file>,
}

// SAFETY: everything offered here may be called by any task.
unsafe impl Send for File {}
// SAFETY: as above.
unsafe impl Sync for File {}

impl File {
    /// The file behind a descriptor of the caller (`fget()`). Process context. `EBADF` when there is none.
    pub fn fget(fd: u32) -> Result<ARef<Self>> {
        // SAFETY: any number may be asked for.
        let file = unsafe { bindings::fget(fd) };
        let file = NonNull::new(file.cast()).ok_or(EBADF)?;
        // SAFETY: `fget` has added a count.
        Ok(unsafe { ARef::from_raw(file) })
    }

    /// Wraps C's.
    ///
    /// # Safety
    ///
    /// `ptr` is a file that has a count during `'a`.
    pub const unsafe fn from_raw_file<'a>(ptr: *const bindings::file) -> &'a Self {
        // SAFETY: by this function's contract.
        unsafe { &*ptr.cast() }
    }

    /// The address of the C structure.
    pub const fn as_ptr(&self) -> *mut bindings::file {
        self.inner.get()
    }

    /// The credentials of who opened it. Any context.
    pub fn cred(&self) -> &Credential {
        // SAFETY: by the type invariant; a file holds its opener's credentials.
        unsafe { Credential::from_ptr(bindings::nova_file_cred(self.as_ptr())) }
    }

    /// Its flags, `O_RDONLY` and so on. Any context.
    pub fn flags(&self) -> u32 {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_file_flags(self.as_ptr()) }
    }
}

// SAFETY: C frees a file after its last count.
unsafe impl AlwaysRefCounted for File {
    fn inc_ref(&self) {
        // SAFETY: a shared reference has a count.
        unsafe { bindings::nova_get_file(self.as_ptr()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: by this function's contract.
        unsafe { bindings::fput(this.cast().as_ptr()) };
    }
}
