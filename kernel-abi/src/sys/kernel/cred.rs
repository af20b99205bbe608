// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Credentials.
//!
//! C header: `include/linux/cred.h`.

use super::{bindings, kuid::Kuid};
use crate::types::{AlwaysRefCounted, Opaque};
use core::ptr::NonNull;

/// What a task may do (`struct cred`); it does not change once it is in use.
///
/// # Invariants
///
/// The value lives where C made it, and has a count for as long as it is referred to.
#[repr(transparent)]
pub struct Credential(Opaque<bindings::cred>);

// SAFETY: everything offered here may be called by any task.
unsafe impl Send for Credential {}
// SAFETY: as above.
unsafe impl Sync for Credential {}

impl Credential {
    /// Wraps C's.
    ///
    /// # Safety
    ///
    /// `ptr` is a credential that has a count during `'a`.
    pub const unsafe fn from_ptr<'a>(ptr: *const bindings::cred) -> &'a Self {
        // SAFETY: by this function's contract.
        unsafe { &*ptr.cast() }
    }

    /// The address of the C structure.
    pub const fn as_ptr(&self) -> *const bindings::cred {
        self.0.get()
    }

    /// The number by which the security modules know it (`security_cred_getsecid()`); 0 without such a module.
    /// [`SecurityCtx`](crate::security::SecurityCtx) makes a name of it. Any context.
    pub fn get_secid(&self) -> u32 {
        let mut secid = 0;
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_security_cred_getsecid(self.as_ptr(), &mut secid) };
        secid
    }

    /// The effective user id. Any context.
    pub fn euid(&self) -> Kuid {
        // SAFETY: by the type invariant.
        Kuid::from_raw(unsafe { bindings::nova_cred_euid(self.as_ptr()) })
    }
}

// SAFETY: C frees a credential with its last count.
unsafe impl AlwaysRefCounted for Credential {
    fn inc_ref(&self) {
        // SAFETY: a shared reference has a count.
        unsafe { bindings::nova_get_cred(self.as_ptr()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_put_cred(this.cast().as_ptr()) };
    }
}
