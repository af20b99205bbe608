// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who is calling.
//!
//! C headers: `include/linux/sched.h`, `include/linux/cred.h`.

use super::bindings;

/// Thread group id of the current task, in the initial pid namespace. Process context.
pub fn current_tgid() -> u32 {
    // SAFETY: `current` is valid.
    unsafe { bindings::nova_current_tgid() }
}

/// Effective user id of the current task, in the initial user namespace. Process context.
pub fn current_euid() -> u32 {
    // SAFETY: `current` and its credentials are valid.
    unsafe { bindings::nova_current_euid() }
}

/// Name of the current task's thread group leader, zero-filled. Process context.
pub fn current_comm() -> [u8; 16] {
    let mut name = [0u8; 16];
    // SAFETY: `name` has room for the 16 bytes.
    unsafe { bindings::nova_current_comm(name.as_mut_ptr().cast(), name.len()) };
    name
}
