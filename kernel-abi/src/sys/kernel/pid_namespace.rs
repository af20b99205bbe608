// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pid namespaces.
//!
//! C header: `include/linux/pid_namespace.h`.

use super::bindings;
use crate::types::{AlwaysRefCounted, Opaque};
use core::ptr::NonNull;

/// A pid namespace (`struct pid_namespace`), which gives the processes in it numbers of their own.
///
/// # Invariants
///
/// The value lives where C made it, and has a count for as long as it is referred to.
#[repr(transparent)]
pub struct PidNamespace {
    inner: Opaque<bindings::pid_namespace>,
}

// SAFETY: everything offered here may be called by any task.
unsafe impl Send for PidNamespace {}
// SAFETY: as above.
unsafe impl Sync for PidNamespace {}

impl PidNamespace {
    /// The address of the C structure.
    pub const fn as_ptr(&self) -> *mut bindings::pid_namespace {
        self.inner.get()
    }

    /// Wraps C's.
    ///
    /// # Safety
    ///
    /// `ptr` is a namespace that has a count during `'a`.
    pub const unsafe fn from_ptr<'a>(ptr: *const bindings::pid_namespace) -> &'a Self {
        // SAFETY: by this function's contract.
        unsafe { &*ptr.cast() }
    }
}

/// Two are equal when they are the same one.
impl PartialEq for PidNamespace {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for PidNamespace {}

// SAFETY: C frees a namespace with its last count.
unsafe impl AlwaysRefCounted for PidNamespace {
    fn inc_ref(&self) {
        // SAFETY: a shared reference has a count.
        unsafe { bindings::nova_get_pid_ns(self.as_ptr()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: by this function's contract.
        unsafe { bindings::put_pid_ns(this.cast().as_ptr()) };
    }
}
