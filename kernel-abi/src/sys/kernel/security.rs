// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Security modules: names of security contexts, and what they say to binder.
//!
//! C header: `include/linux/security.h`.

use super::{bindings, cred::Credential, fs::File};
use crate::error::{to_result, Result};
use core::ptr;

/// Asks whether `mgr` may become the context manager of binder (`security_binder_set_context_mgr()`). Sleeps.
///
/// Errors: what the security module says, `EACCES` or `EPERM`.
pub fn binder_set_context_mgr(mgr: &Credential) -> Result {
    // SAFETY: a shared reference has a count.
    to_result(unsafe { bindings::nova_security_binder_set_context_mgr(mgr.as_ptr()) })
}

/// Asks whether `from` may call `to` (`security_binder_transaction()`). Sleeps. Errors as [`binder_set_context_mgr`].
pub fn binder_transaction(from: &Credential, to: &Credential) -> Result {
    // SAFETY: shared references have a count.
    to_result(unsafe { bindings::nova_security_binder_transaction(from.as_ptr(), to.as_ptr()) })
}

/// Asks whether `from` may give `to` a reference to a binder object (`security_binder_transfer_binder()`). Sleeps. Errors as
/// [`binder_set_context_mgr`].
pub fn binder_transfer_binder(from: &Credential, to: &Credential) -> Result {
    // SAFETY: shared references have a count.
    to_result(unsafe { bindings::nova_security_binder_transfer_binder(from.as_ptr(), to.as_ptr()) })
}

/// Asks whether `from` may give `to` an open file (`security_binder_transfer_file()`). Sleeps. Errors as
/// [`binder_set_context_mgr`].
pub fn binder_transfer_file(from: &Credential, to: &Credential, file: &File) -> Result {
    // SAFETY: shared references have a count.
    to_result(unsafe {
        bindings::nova_security_binder_transfer_file(from.as_ptr(), to.as_ptr(), file.as_ptr())
    })
}

/// The name of a security context, as the security module writes it (`unconfined`, `system_u:system_r:…`).
///
/// # Invariants
///
/// `ctx` is what `security_secid_to_secctx()` filled in.
pub struct SecurityCtx {
    ctx: bindings::nova_secctx,
}

// SAFETY: it is memory that any task may read and give back.
unsafe impl Send for SecurityCtx {}
// SAFETY: as above.
unsafe impl Sync for SecurityCtx {}

impl SecurityCtx {
    /// The name of what [`Credential::get_secid`] said (`security_secid_to_secctx()`). May sleep.
    ///
    /// Errors: `EOPNOTSUPP` without a security module that has names, `EINVAL` for a number that it did not give out,
    /// `ENOMEM`.
    pub fn from_secid(secid: u32) -> Result<Self> {
        let mut ctx = bindings::nova_secctx {
            context: ptr::null_mut(),
            len: 0,
            id: 0,
        };
        // SAFETY: `ctx` is valid for writes.
        to_result(unsafe { bindings::nova_security_secid_to_secctx(secid, &mut ctx) })?;
        // INVARIANT: filled in above.
        Ok(Self { ctx })
    }

    /// Whether the name has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.ctx.len == 0
    }

    /// The bytes of the name.
    pub const fn len(&self) -> usize {
        self.ctx.len as usize
    }

    /// The name; text by custom, but nothing says so.
    pub const fn as_bytes(&self) -> &[u8] {
        if self.ctx.context.is_null() {
            return &[];
        }
        // SAFETY: by the type invariant so many bytes are there, and stay until the release.
        unsafe { core::slice::from_raw_parts(self.ctx.context.cast(), self.len()) }
    }
}

impl Drop for SecurityCtx {
    fn drop(&mut self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_security_release_secctx(&mut self.ctx) };
    }
}
