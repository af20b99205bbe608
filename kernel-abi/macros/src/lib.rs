// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The procedural macros of `kernel-abi`, which re-exports them; they are documented there.
//!
//! They run in the compiler, also in the module's own build, and parse by hand: `syn` would be one more
//! crate to vendor.

mod fields;
mod module;
mod vtable;

use proc_macro::TokenStream;

/// Declares a kernel module.
///
/// Counterpart of `module_init()`, `module_exit()`, `module_param()`, `MODULE_LICENSE()` and their kin
/// (`include/linux/module.h`, `include/linux/moduleparam.h`). Once in a crate, at its root.
///
/// | field | value | in `modinfo` |
/// |---|---|---|
/// | `type` | the module's type, a `Module` or an `InPlaceModule` | |
/// | `name` | its name, that of the `.ko` with `_` for `-` | `name` comes from the build |
/// | `authors` | list of strings, optional | `author`, one each |
/// | `description` | string, optional | `description` |
/// | `license` | string; a GPL-compatible one, as the symbols used here ask for it | `license` |
/// | `alias` | list of strings, optional: what udev loads the module for | `alias`, one each |
/// | `version` | string, optional | `version` |
/// | `params` | parameters, optional | `parm`, `parmtype` |
///
/// A parameter is `name: type { default: expression, description: "text" }`. Its type implements
/// `kernel_abi::module_param::ModuleParam`. In the code it is `module_parameters::name.value()`. A value that does not
/// parse ends the load with `EINVAL` and one line of the kernel's, with module, value and parameter; an
/// unknown parameter is ignored with one line, as the kernel does it for every module.
///
/// The macro also defines `__LOG_PREFIX`, which the `pr_*` macros print, the module's entry points and,
/// in the module's build, the panic handler.
///
/// `kernel_abi::module::Module` has an example.
#[proc_macro]
pub fn module(input: TokenStream) -> TokenStream {
    module::expand(input.into())
        .unwrap_or_else(fields::Error::into_compile_error)
        .into()
}

/// Lets C callbacks be optional: marks a trait whose methods become a table of function pointers, and its
/// implementations.
///
/// As in Linux. On a trait each method `name` gets a constant `HAS_NAME`, false by default; on an
/// implementation it is true for each method that is written there. So a table can hold a null pointer, which C takes for
/// "not there", where Rust has a default body. An implementation without the attribute does not compile.
///
/// ```
/// use kernel_abi::{error::Result, vtable};
///
/// #[vtable]
/// pub trait Operations {
///     fn open(&self) -> Result {
///         Ok(())
///     }
/// }
///
/// struct Plain;
///
/// #[vtable]
/// impl Operations for Plain {}
///
/// assert!(!Plain::HAS_OPEN);
/// ```
#[proc_macro_attribute]
pub fn vtable(attr: TokenStream, item: TokenStream) -> TokenStream {
    vtable::expand(attr.into(), item.into())
        .unwrap_or_else(fields::Error::into_compile_error)
        .into()
}
