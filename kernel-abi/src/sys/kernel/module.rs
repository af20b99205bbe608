// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a loaded module keeps.
//!
//! C header: `include/linux/module.h`.

use core::{cell::UnsafeCell, mem::MaybeUninit};

/// A static that holds a value between a module's init and its exit.
pub struct Slot<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: used only by init and exit, which the module loader does not run at once.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// An empty slot.
    #[allow(clippy::new_without_default)] // only for statics
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Fills the slot.
    ///
    /// # Safety
    ///
    /// Called by the module's init, once.
    pub unsafe fn set(&self, value: T) {
        // SAFETY: nobody else uses the slot now.
        unsafe { (*self.0.get()).write(value) };
    }

    /// Takes the value.
    ///
    /// # Safety
    ///
    /// Called by the module's exit, once, after a [`Slot::set`].
    pub unsafe fn take(&self) -> T {
        // SAFETY: nobody else uses the slot now, and it was filled.
        unsafe { (*self.0.get()).assume_init_read() }
    }
}
