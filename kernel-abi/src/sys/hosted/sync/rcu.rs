// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Read-copy-update by one lock that all readers share. A reader may have it again while a writer waits, so sections
//! nest.

use parking_lot::{
    lock_api::{RawRwLock as _, RawRwLockRecursive as _},
    RawRwLock,
};

static READERS: RawRwLock = RawRwLock::INIT;

/// Begins a section.
pub fn read_lock() {
    READERS.lock_shared_recursive();
}

/// Ends a section.
pub fn read_unlock() {
    // SAFETY: a guard ends what it began.
    unsafe { READERS.unlock_shared() };
}

/// Waits until no section is under way.
pub fn synchronize() {
    READERS.lock_exclusive();
    // SAFETY: taken above.
    unsafe { READERS.unlock_exclusive() };
}

/// Nothing is put off here: waits as [`synchronize`] does.
pub fn barrier() {
    synchronize();
}
