// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fences: something that will be over once, with or without an error, within a bounded time.
//!
//! A driver makes a [`DriverFence`] for work that it has begun and signals it when that is over. Everybody else sees a
//! [`Fence`]: may look, wait, or ask to be called back. Fences of one [`FenceContext`] complete in the order of their sequence
//! numbers.
//!
//! Between publishing a fence and signalling it a driver must not wait for memory, nor for anything that may wait for a
//! fence. [`Signalling`] marks such a path, so that lockdep finds what does.
//!
//! C header: `include/linux/dma-fence.h`.

use core::ffi::CStr;

pub use crate::sys::fence::{DriverFence, Fence, FenceCallback, FenceContext, Signalling};

/// A driver's part of its fences.
///
/// It is dropped in any context, when nobody has the fence any more.
pub trait FenceOps: Send + Sync + Sized + 'static {
    /// The driver, for those who look at a fence from outside.
    const DRIVER_NAME: &'static CStr;

    /// The timeline that the fence is on, such as a queue. Any context.
    fn timeline_name(&self) -> &CStr;

    /// Somebody waits, for the first time: from here on the fence must be signalled without being asked. False when it is over
    /// already.
    ///
    /// Called with the fence's lock held and interrupts off: it must not signal this fence, nor take what is held where it is
    /// signalled.
    fn enable_signaling(fence: &DriverFence<Self>) -> bool {
        let _ = fence;
        true
    }

    /// Whether it is over, for those who only look. It is signalled when it is. Any context.
    fn signaled(fence: &DriverFence<Self>) -> bool {
        let _ = fence;
        false
    }
}

/// Who wants to be called when a fence is signalled.
pub trait Callback: Send + Sync + 'static {
    /// The fence is signalled. Called once, in any context, with the fence's lock held.
    fn signaled(&self);
}
