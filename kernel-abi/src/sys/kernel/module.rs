// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Modules: what is called when one is loaded and unloaded.
//!
//! C headers: `include/linux/module.h`, `include/linux/init.h`. A module is declared with
//! [`module!`](crate::module!), which makes the symbols that the loader looks for.

use super::bindings;
use crate::error::{Error, Result};
use core::{
    cell::UnsafeCell,
    ffi::{c_int, CStr},
    mem::MaybeUninit,
};
use pinned_init::PinInit;

/// A module whose value may be moved: made when it is loaded, dropped when it is unloaded.
///
/// Counterpart of `module_init()` and `module_exit()`. Both run in process context and may sleep. The drop is what the C
/// `exit` function is: after it no callback of the module may be left anywhere.
///
/// ```no_run
/// use kernel_abi::{error::Result, module::{Module, ThisModule}, pr_info};
///
/// kernel_abi::module! {
///     type: Hello,
///     name: "hello",
///     authors: ["A. Author"],
///     description: "Says hello",
///     license: "Dual MIT/GPL",
///     params: {
///         times: u32 { default: 1, description: "how often" },
///     },
/// }
///
/// struct Hello;
///
/// impl Module for Hello {
///     fn init(_module: &'static ThisModule) -> Result<Self> {
///         for _ in 0..module_parameters::times.value() {
///             pr_info!("hello\n");
///         }
///         Ok(Self)
///     }
/// }
/// # fn main() {}
/// ```
pub trait Module: Sized + Sync + Send {
    /// Loads the module. An error ends the load, and is what `insmod` reports.
    fn init(module: &'static ThisModule) -> Result<Self>;
}

/// A module that is initialised where it stays, for values that must not move (locks, C structures).
///
/// Contexts are those of [`Module`]; every [`Module`] is one.
pub trait InPlaceModule: Sync + Send {
    /// Makes the initialiser, which is run when the module is loaded. Its error ends the load.
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error>;
}

impl<T: Module> InPlaceModule for T {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let init = move |slot: *mut Self| {
            let value = <Self as Module>::init(module)?;
            // SAFETY: the slot is valid for a write.
            unsafe { slot.write(value) };
            Ok(())
        };
        // SAFETY: the slot is initialised exactly when the closure says so.
        unsafe { pinned_init::pin_init_from_closure(init) }
    }
}

/// What [`module!`](crate::module!) says about a module's type.
pub trait ModuleMetadata {
    /// The module's name.
    const NAME: &'static CStr;
}

/// The module that the code is part of, for C: it is what a reference count is taken on while a callback may run.
///
/// Counterpart of `THIS_MODULE`.
///
/// # Invariants
///
/// The pointer is that of the module, or null, which C takes for code that cannot be unloaded.
pub struct ThisModule(*mut bindings::module);

// SAFETY: C may use a module's structure in any task.
unsafe impl Send for ThisModule {}
// SAFETY: as above.
unsafe impl Sync for ThisModule {}

impl ThisModule {
    /// Wraps the pointer.
    ///
    /// # Safety
    ///
    /// `module` is the address of the structure of the module that this code is part of, or null.
    pub const unsafe fn from_ptr(module: *mut bindings::module) -> Self {
        Self(module)
    }

    /// The address of `struct module`. C alone may look into it.
    pub const fn as_ptr(&self) -> *mut bindings::module {
        self.0
    }
}

/// Where a module's value lies between its load and its unload. Only [`module!`](crate::module!) uses it.
#[doc(hidden)]
pub struct Slot<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: used only by init and exit, which the loader does not run at once.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T: InPlaceModule> Slot<T> {
    #[allow(clippy::new_without_default)] // only for statics
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// # Safety
    ///
    /// Called by the module's init, once. The slot is a static.
    pub unsafe fn init(&self, module: &'static ThisModule) -> c_int {
        // SAFETY: nobody else uses the slot now. It is a static, so the value stays where it is.
        match unsafe { T::init(module).__pinned_init(self.0.get().cast()) } {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// Called by the module's exit, once, after a successful [`Slot::init`].
    pub unsafe fn exit(&self) {
        // SAFETY: initialised, and nobody else uses the slot any more.
        unsafe { (*self.0.get()).assume_init_drop() };
        // The last callback that held the module may not have returned yet.
        crate::sync::rcu::rcu_barrier();
    }
}
