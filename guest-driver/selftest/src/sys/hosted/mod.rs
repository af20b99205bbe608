// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Threads of the process.

pub(crate) mod drm;

use kernel_abi::error::{code::ENOMEM, Result};
use std::{thread, time::Duration};

/// A thread; dropping it waits for its end.
pub(crate) struct Thread<R>(Option<thread::JoinHandle<R>>);

/// Runs `body` in a thread of its own. Sleeps.
pub(crate) fn spawn<R: Send + 'static>(
    body: impl FnOnce() -> R + Send + 'static,
) -> Result<Thread<R>> {
    let thread = thread::Builder::new().spawn(body).map_err(|_| ENOMEM)?;
    Ok(Thread(Some(thread)))
}

impl<R> Thread<R> {
    /// Waits for its end. Sleeps.
    pub(crate) fn join(mut self) -> R {
        let thread = self.0.take().map(thread::JoinHandle::join);
        match thread {
            Some(Ok(result)) => result,
            // PANIC: a test's thread panicked, and so does the test.
            _ => panic!("the thread panicked"),
        }
    }
}

impl<R> Drop for Thread<R> {
    fn drop(&mut self) {
        let _ = self.0.take().map(thread::JoinHandle::join);
    }
}

/// Sleeps.
pub(crate) fn sleep_ms(milliseconds: u32) {
    thread::sleep(Duration::from_millis(milliseconds.into()));
}
