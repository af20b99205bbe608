// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Waiting for a condition under a lock.
//!
//! Follows `rust/kernel/sync/condvar.rs` of Linux. C header: `include/linux/wait.h`.

use super::{lock::Backend, Guard, LockClassKey};
use crate::{
    sys::sync::wait::{Mode, WaitQueue},
    time::Jiffies,
};
use core::{ffi::CStr, pin::Pin};
use pinned_init::{pin_data, pin_init, PinInit};

/// A condition variable (`wait_queue_head_t` with exclusive waiters), which goes with any kind of lock.
///
/// Whoever waits gives the lock up and sleeps until notified, so the lock must be the only one held that forbids
/// to sleep. A wait may end without a reason; the condition is looked at again, in a loop. Notifying never sleeps
/// and may be done in any context.
///
/// ```
/// use kernel_abi::{alloc::flags::GFP_KERNEL, new_condvar, new_mutex, sync::{Arc, CondVar, Mutex}};
/// use pinned_init::{pin_data, pin_init};
///
/// #[pin_data]
/// struct Mailbox {
///     #[pin]
///     mail: Mutex<Option<u32>>,
///     #[pin]
///     arrived: CondVar,
/// }
///
/// let mailbox = Arc::pin_init(pin_init!(Mailbox {
///     mail <- new_mutex!(None, "Mailbox::mail"),
///     arrived <- new_condvar!("Mailbox::arrived"),
/// }), GFP_KERNEL)?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         *mailbox.mail.lock() = Some(7);
///         mailbox.arrived.notify_one();
///     });
///     let mut mail = mailbox.mail.lock();
///     while mail.is_none() {
///         mailbox.arrived.wait(&mut mail);
///     }
///     assert_eq!(*mail, Some(7));
/// });
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
///
/// In the hosted home nobody sends signals: the interruptible waits exist and are never interrupted.
#[pin_data]
pub struct CondVar {
    #[pin]
    pub(crate) queue: WaitQueue,
}

impl CondVar {
    /// A condition variable that nobody waits for. Mostly through [`new_condvar!`](crate::new_condvar).
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            queue <- WaitQueue::new(name, key),
        })
    }

    /// Gives the lock up, waits until notified, and takes the lock again. Sleeps, and no signal ends it.
    pub fn wait<T: ?Sized, B: Backend>(&self, guard: &mut Guard<'_, T, B>) {
        self.queue.wait(Mode::Uninterruptible, guard, None);
    }

    /// As [`CondVar::wait`]; a signal ends it too. True when a signal is pending.
    #[must_use = "a signal may have ended the wait"]
    pub fn wait_interruptible<T: ?Sized, B: Backend>(&self, guard: &mut Guard<'_, T, B>) -> bool {
        self.queue.wait(Mode::Interruptible, guard, None).signal
    }

    /// As [`CondVar::wait`]; a signal that kills the task ends it too. True when there is one. Upstream has no such
    /// function: it is for waits that change state, which a signal handler must not make run twice.
    #[must_use = "a signal may have ended the wait"]
    pub fn wait_killable<T: ?Sized, B: Backend>(&self, guard: &mut Guard<'_, T, B>) -> bool {
        self.queue.wait(Mode::Killable, guard, None).signal
    }

    /// As [`CondVar::wait_interruptible`], for at most `jiffies`.
    #[must_use = "a signal or the time may have ended the wait"]
    pub fn wait_interruptible_timeout<T: ?Sized, B: Backend>(
        &self,
        guard: &mut Guard<'_, T, B>,
        jiffies: Jiffies,
    ) -> CondVarTimeoutResult {
        self.timeout(Mode::Interruptible, guard, jiffies)
    }

    /// As [`CondVar::wait_interruptible_timeout`], where only a signal that kills ends the wait. Ours: upstream's
    /// waits with a time limit are interruptible.
    #[must_use = "a signal or the time may have ended the wait"]
    pub fn wait_killable_timeout<T: ?Sized, B: Backend>(
        &self,
        guard: &mut Guard<'_, T, B>,
        jiffies: Jiffies,
    ) -> CondVarTimeoutResult {
        self.timeout(Mode::Killable, guard, jiffies)
    }

    fn timeout<T: ?Sized, B: Backend>(
        &self,
        mode: Mode,
        guard: &mut Guard<'_, T, B>,
        jiffies: Jiffies,
    ) -> CondVarTimeoutResult {
        let ended = self.queue.wait(mode, guard, Some(jiffies));
        match (ended.left, ended.signal) {
            (jiffies, true) => CondVarTimeoutResult::Signal { jiffies },
            (0, false) => CondVarTimeoutResult::Timeout,
            (jiffies, false) => CondVarTimeoutResult::Woken { jiffies },
        }
    }

    /// Wakes one waiter, on this CPU if it can be (`WF_SYNC`): for who is about to sleep.
    pub fn notify_sync(&self) {
        self.queue.notify_sync();
    }

    /// Wakes one waiter, the one that has waited longest.
    pub fn notify_one(&self) {
        self.queue.notify(Some(1));
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        self.queue.notify(None);
    }
}

/// How a [`CondVar::wait_interruptible_timeout`] ended, and how much of its time was left.
///
/// ```
/// use kernel_abi::{
///     alloc::{flags::GFP_KERNEL, KBox}, new_condvar, new_mutex,
///     sync::{CondVarTimeoutResult, Mutex}, time::msecs_to_jiffies,
/// };
/// use std::pin::Pin;
///
/// let lock: Pin<KBox<Mutex<()>>> = KBox::pin_init(new_mutex!(()), GFP_KERNEL)?;
/// let never = KBox::pin_init(new_condvar!(), GFP_KERNEL)?;
/// let mut guard = lock.lock();
/// let ended = never.wait_interruptible_timeout(&mut guard, msecs_to_jiffies(1));
/// assert_eq!(ended, CondVarTimeoutResult::Timeout);
/// # Ok::<(), kernel_abi::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CondVarTimeoutResult {
    /// It was notified, or woke without a reason.
    Woken {
        /// What was left.
        jiffies: Jiffies,
    },
    /// The time was over.
    Timeout,
    /// A signal is pending.
    Signal {
        /// What was left.
        jiffies: Jiffies,
    },
}

/// Initialises a [`CondVar`], with a name if it is not to be the place. See there for an example.
#[macro_export]
macro_rules! new_condvar {
    ($($name:literal)?) => {
        $crate::sync::CondVar::new(
            $crate::optional_name!($($name)?),
            $crate::static_lock_class!(),
        )
    };
}
