// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Clean-up on every way out of a scope.
#![allow(unsafe_code)] // takes the value and the function out of the guard

use core::{
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
};

/// Runs a function on its value when it is dropped, unless it is dismissed.
///
/// Where C has a chain of `goto err_…`, each step that must be undone makes one of these.
///
/// ```
/// use kernel_abi::{error::{code::EIO, Result}, types::ScopeGuard};
/// use std::cell::Cell;
///
/// fn bring_up(clock: &Cell<bool>, fails: bool) -> Result {
///     clock.set(true);
///     let off = ScopeGuard::new(|| clock.set(false));
///     if fails {
///         return Err(EIO);
///     }
///     off.dismiss();
///     Ok(())
/// }
/// let clock = Cell::new(false);
/// assert!(bring_up(&clock, true).is_err() && !clock.get());
/// assert!(bring_up(&clock, false).is_ok() && clock.get());
///
/// let mut log = ScopeGuard::new_with_data(vec![1], |log| assert_eq!(log, [1, 2]));
/// log.push(2);
/// ```
///
/// # Invariants
///
/// Both fields are valid until the guard is dropped or dismissed.
pub struct ScopeGuard<T, F: FnOnce(T)> {
    data: ManuallyDrop<T>,
    cleanup: ManuallyDrop<F>,
}

impl<T, F: FnOnce(T)> ScopeGuard<T, F> {
    /// Runs `cleanup` on `data` at the end of the scope; until then the guard is used as the value.
    pub const fn new_with_data(data: T, cleanup: F) -> Self {
        Self {
            data: ManuallyDrop::new(data),
            cleanup: ManuallyDrop::new(cleanup),
        }
    }

    /// Does not run it after all, and gives the value back.
    pub fn dismiss(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: by the type invariant; the guard itself is not dropped.
        unsafe {
            ManuallyDrop::drop(&mut this.cleanup);
            ManuallyDrop::take(&mut this.data)
        }
    }
}

impl ScopeGuard<(), fn(())> {
    /// Runs `cleanup` at the end of the scope.
    pub fn new(cleanup: impl FnOnce()) -> ScopeGuard<(), impl FnOnce(())> {
        ScopeGuard::new_with_data((), move |()| cleanup())
    }
}

impl<T, F: FnOnce(T)> Deref for ScopeGuard<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T, F: FnOnce(T)> DerefMut for ScopeGuard<T, F> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

impl<T, F: FnOnce(T)> Drop for ScopeGuard<T, F> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        let (data, cleanup) = unsafe {
            (
                ManuallyDrop::take(&mut self.data),
                ManuallyDrop::take(&mut self.cleanup),
            )
        };
        cleanup(data);
    }
}
