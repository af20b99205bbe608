// SPDX-License-Identifier: GPL-2.0 OR MIT
//! User ids of the process's user namespace. There is no other view of them here.

/// A user id.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Kuid {
    uid: u32,
}

impl Kuid {
    /// The caller's effective user id (geteuid(2)).
    pub fn current_euid() -> Self {
        // SAFETY: it cannot fail.
        Self::from_raw(unsafe { libc::geteuid() })
    }

    /// Wraps a number.
    pub const fn from_raw(uid: u32) -> Self {
        Self { uid }
    }

    /// The number.
    pub const fn into_raw(self) -> u32 {
        self.uid
    }

    /// The number: hosted there is one namespace.
    pub const fn into_uid_in_current_ns(self) -> u32 {
        self.uid
    }

    /// The number: hosted there is one namespace.
    pub const fn into_uid_in_init_ns(self) -> u32 {
        self.uid
    }
}
