// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Wait queues.
//!
//! C header: `include/linux/wait.h`.

use super::bindings;
use crate::{
    sync::{lock::Backend, Guard, LockClassKey},
    time::Jiffies,
    types::Opaque,
};
use core::{
    ffi::{c_int, c_long, c_uint, CStr},
    pin::Pin,
    ptr,
};
use pinned_init::{pin_data, pin_init, PinInit};

/// `MAX_SCHEDULE_TIMEOUT`: for ever.
const FOR_EVER: c_long = c_long::MAX;

/// What may end a wait besides a notification.
#[derive(Clone, Copy)]
pub enum Mode {
    /// Nothing.
    Uninterruptible,
    /// Any signal.
    Interruptible,
    /// A signal that kills.
    Killable,
}

/// How a wait ended.
pub struct Ended {
    /// Jiffies that were left.
    pub left: Jiffies,
    /// A signal is pending that may end such a wait.
    pub signal: bool,
}

/// `wait_queue_head_t`, whose waiters are exclusive.
///
/// # Invariants
///
/// `head` is initialised and does not move.
#[pin_data]
pub struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head_t>,
}

// SAFETY: C's wait queues may be used from any task.
unsafe impl Send for WaitQueue {}
// SAFETY: C's wait queues do their own locking.
unsafe impl Sync for WaitQueue {}

impl WaitQueue {
    /// `init_waitqueue_head()`
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: the slot is valid and pinned, name and key are static.
            head <- Opaque::ffi_init(move |slot| unsafe {
                bindings::__init_waitqueue_head(slot, name.as_ptr(), key.as_ptr());
            }),
        })
    }

    /// The C structure.
    pub fn as_ptr(&self) -> *mut bindings::wait_queue_head_t {
        self.head.get()
    }

    /// Enters the queue, gives the guard's lock up, sleeps, leaves the queue. The lock is taken again before that:
    /// a notification that comes meanwhile finds the entry still there.
    pub fn wait<T: ?Sized, B: Backend>(
        &self,
        mode: Mode,
        guard: &mut Guard<'_, T, B>,
        timeout: Option<Jiffies>,
    ) -> Ended {
        let state = match mode {
            Mode::Uninterruptible => bindings::NOVA_CONST_TASK_UNINTERRUPTIBLE,
            Mode::Interruptible => bindings::NOVA_CONST_TASK_INTERRUPTIBLE,
            Mode::Killable => bindings::NOVA_CONST_TASK_KILLABLE,
        };
        let timeout = timeout.map_or(FOR_EVER, |jiffies| {
            c_long::try_from(jiffies).unwrap_or(FOR_EVER)
        });
        let entry = Opaque::<bindings::wait_queue_entry>::uninit();
        // SAFETY: the entry is valid for writes, stays in place, and leaves the queue before it ends.
        let left = unsafe {
            bindings::nova_init_wait(entry.get());
            bindings::prepare_to_wait_exclusive(self.head.get(), entry.get(), state as c_int);
            let left = guard.unlocked(|| bindings::schedule_timeout(timeout));
            bindings::finish_wait(self.head.get(), entry.get());
            left
        };
        // SAFETY: `current` is valid.
        let signal = unsafe { bindings::nova_signal_pending_state(state) };
        Ended {
            left: Jiffies::try_from(left).unwrap_or(0),
            signal,
        }
    }

    /// `__wake_up()` of up to `count` waiters, or of all.
    pub fn notify(&self, count: Option<usize>) {
        // Zero stands for all.
        let count = count.map_or(0, |count| c_int::try_from(count).unwrap_or(c_int::MAX));
        // SAFETY: by the type invariant; no key is used.
        unsafe { bindings::__wake_up(self.head.get(), NORMAL, count, ptr::null_mut()) };
    }

    /// `__wake_up_sync()`
    pub fn notify_sync(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::__wake_up_sync(self.head.get(), NORMAL) };
    }
}

/// `TASK_NORMAL`
const NORMAL: c_uint = bindings::NOVA_CONST_TASK_NORMAL;
