// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Condition variables that `poll()` and epoll can wait for.
//!
//! Follows `rust/kernel/sync/poll.rs` of Linux. C header: `include/linux/poll.h`. A process has no files of its own, so that only the kernel home
//! has them.

use super::bindings;
use crate::{
    fs::File,
    sync::{rcu, CondVar, LockClassKey},
};
use core::{ffi::CStr, marker::PhantomData, ops::Deref, pin::Pin};
use pinned_init::{pin_data, pin_init, pinned_drop, PinInit};

/// What `poll()` was called with (`poll_table`), in a file's `poll` callback.
///
/// ```no_run
/// use kernel_abi::{bindings, fs::File, sync::{PollCondVar, PollTable}};
///
/// /// What `poll` of `struct file_operations` calls.
/// fn poll(file: &File, table: PollTable<'_>, readable: &PollCondVar) -> bindings::__poll_t {
///     table.register_wait(file, readable);
///     bindings::NOVA_CONST_EPOLLIN
/// }
/// ```
///
/// # Invariants
///
/// `table` is null or valid during `'a`.
#[repr(transparent)]
pub struct PollTable<'a> {
    table: *mut bindings::poll_table,
    _valid: PhantomData<&'a bindings::poll_table>,
}

impl<'a> PollTable<'a> {
    /// The table that a `poll` callback got.
    ///
    /// # Safety
    ///
    /// `table` is null or valid during `'a`.
    pub const unsafe fn from_raw(table: *mut bindings::poll_table) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            table,
            _valid: PhantomData,
        }
    }

    /// Lets whoever polls `file` be woken by `condvar` (`poll_wait()`). May sleep.
    pub fn register_wait(&self, file: &File, condvar: &PollCondVar) {
        let head = condvar.queue.as_ptr();
        // SAFETY: file and table are valid. The queue lives, and its memory is kept for a grace period after its end,
        // by `PollCondVar::drop`.
        unsafe { bindings::nova_poll_wait(file.as_ptr(), head, self.table) };
    }
}

/// A [`CondVar`] that a [`PollTable`] may be registered with. Dropping it wakes and detaches whoever polls, and waits for a grace
/// period: it sleeps.
///
/// # Invariants
///
/// Whoever is registered is detached before the memory ends.
#[pin_data(PinnedDrop)]
pub struct PollCondVar {
    #[pin]
    inner: CondVar,
}

impl PollCondVar {
    /// A condition variable that nobody waits for. Mostly through [`new_poll_condvar!`](crate::new_poll_condvar).
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- CondVar::new(name, key),
        })
    }
}

impl Deref for PollCondVar {
    type Target = CondVar;

    fn deref(&self) -> &CondVar {
        &self.inner
    }
}

#[pinned_drop]
impl PinnedDrop for PollCondVar {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: the queue is valid until the end of this function, and its memory for the grace period.
        unsafe { bindings::nova_wake_up_pollfree(self.inner.queue.as_ptr()) };
        // epoll looks at the queue in such a section.
        rcu::synchronize_rcu();
    }
}

/// Initialises a [`PollCondVar`], with a name if it is not to be the place.
#[macro_export]
macro_rules! new_poll_condvar {
    ($($name:literal)?) => {
        $crate::sync::PollCondVar::new(
            $crate::optional_name!($($name)?),
            $crate::static_lock_class!(),
        )
    };
}
