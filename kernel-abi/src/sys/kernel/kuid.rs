// SPDX-License-Identifier: GPL-2.0 OR MIT
//! User ids.
//!
//! C header: `include/linux/uidgid.h`.

use super::bindings;

/// A user id as the kernel keeps it, whatever namespaces call it (`kuid_t`).
#[derive(Copy, Clone)]
pub struct Kuid {
    kuid: bindings::kuid_t,
}

impl Kuid {
    /// The caller's effective user id (`current_euid()`). Process context.
    pub fn current_euid() -> Self {
        // SAFETY: a task always has credentials.
        Self::from_raw(unsafe { bindings::nova_current_euid_raw() })
    }

    /// Wraps C's.
    pub const fn from_raw(kuid: bindings::kuid_t) -> Self {
        Self { kuid }
    }

    /// C's.
    pub const fn into_raw(self) -> bindings::kuid_t {
        self.kuid
    }

    /// Its number in the caller's user namespace (`from_kuid()`); all ones when it has none there. Process context.
    pub fn into_uid_in_current_ns(self) -> u32 {
        // SAFETY: a task always has a user namespace.
        unsafe { bindings::nova_from_kuid_current(self.kuid) }
    }

    /// Its number in the initial user namespace: what an operator of the machine calls the user. Any context.
    ///
    /// Ours; upstream has no counterpart.
    pub fn into_uid_in_init_ns(self) -> u32 {
        // SAFETY: the initial namespace lives for ever.
        unsafe { bindings::nova_from_kuid_init(self.kuid) }
    }
}

/// As `uid_eq()`.
impl PartialEq for Kuid {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: it compares two numbers.
        unsafe { bindings::nova_uid_eq(self.kuid, other.kuid) }
    }
}

impl Eq for Kuid {}

impl core::fmt::Debug for Kuid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Kuid({})", self.into_uid_in_init_ns())
    }
}
