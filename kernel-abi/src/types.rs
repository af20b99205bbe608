// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Building blocks: opaque C values, shared ownership by C reference counts, ownership across
//! C callbacks.
//!
//! Follows `rust/kernel/types.rs` and `rust/kernel/sync/aref.rs` of Linux in names and contracts. Nothing here sleeps by
//! itself; what a counted value or a guard's function does at its end decides where it may end.
//!
//! | item | for |
//! |---|---|
//! | [`Opaque`] | a C structure inside a Rust one |
//! | [`ForeignOwnable`] | a Rust value that C keeps as `void *` |
//! | [`ARef`], [`AlwaysRefCounted`] | a value that C counts the references of |
//! | [`ScopeGuard`] | clean-up on every way out |
//! | [`NotThreadSafe`](type@NotThreadSafe) | what must stay in its task |

mod aref;
mod foreign;
mod opaque;
mod scope_guard;
#[cfg(all(test, home = "hosted"))]
mod tests;

pub use aref::{ARef, AlwaysRefCounted};
pub use foreign::ForeignOwnable;
pub use opaque::Opaque;
pub use scope_guard::ScopeGuard;

use core::marker::PhantomData;

/// Makes a type that contains it neither `Send` nor `Sync`.
///
/// ```
/// use kernel_abi::types::NotThreadSafe;
///
/// struct Cursor {
///     at: u32,
///     _task: NotThreadSafe,
/// }
/// let cursor = Cursor { at: 3, _task: NotThreadSafe };
/// assert_eq!(cursor.at, 3);
/// ```
///
/// ```compile_fail,E0277
/// # use kernel_abi::types::NotThreadSafe;
/// std::thread::spawn(|| NotThreadSafe);
/// ```
pub type NotThreadSafe = PhantomData<*mut ()>;

/// The value of the type of the same name.
#[allow(non_upper_case_globals)] // stands where the type's constructor would
pub const NotThreadSafe: NotThreadSafe = PhantomData;
