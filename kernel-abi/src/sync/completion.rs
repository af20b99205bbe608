// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Waiting for something that happens once.
//!
//! Follows `rust/kernel/sync/completion.rs` of Linux. C header: `include/linux/completion.h`.

use crate::{error::Result, sys::sync::completion::RawCompletion};
use pinned_init::{pin_data, pin_init, PinInit};

/// Wakes waiters once something has happened (`struct completion`).
///
/// Whoever comes late does not wait. Completing does not sleep and may be done in any context, waiting sleeps.
///
/// ```
/// use kernel_abi::{alloc::flags::GFP_KERNEL, sync::{Arc, Completion}};
///
/// let answered = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| answered.complete());
///     answered.wait_for_completion();
/// });
/// answered.complete_all();
/// answered.wait_for_completion_killable()?;
/// answered.wait_for_completion();
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
#[pin_data]
pub struct Completion {
    #[pin]
    inner: RawCompletion,
}

impl Completion {
    /// A completion that nobody has signalled yet.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- RawCompletion::new(),
        })
    }

    /// Lets one waiter go on, now or in the future.
    pub fn complete(&self) {
        self.inner.complete();
    }

    /// Lets all waiters go on, now and for ever.
    pub fn complete_all(&self) {
        self.inner.complete_all();
    }

    /// Waits until signalled. Sleeps, and no signal ends it.
    pub fn wait_for_completion(&self) {
        self.inner.wait();
    }

    /// Waits until signalled. Sleeps; ends early with `ERESTARTSYS` when the task
    /// is being killed, which the hosted home's are not. Upstream has no such function.
    pub fn wait_for_completion_killable(&self) -> Result {
        self.inner.wait_killable()
    }
}
