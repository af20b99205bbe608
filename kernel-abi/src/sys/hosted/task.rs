// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The threads of this process, as far as one may ask without a kernel's rights.
//!
//! What needs another task's structure (waking it up, its pid namespace, its mm) is in the kernel home only.

use super::{cred::Credential, std::fs};
use crate::types::{ARef, NotThreadSafe};
use core::ops::Deref;

pub use super::kuid::Kuid;

/// A process or thread id.
pub type Pid = i32;

/// Bytes of a task's name with its terminating zero (`TASK_COMM_LEN`).
pub const TASK_COMM_LEN: usize = 16;

/// The thread that calls: a reference to [`CurrentTask`].
#[macro_export]
macro_rules! current {
    () => {
        &*$crate::task::__current()
    };
}

/// A thread of this process.
#[derive(PartialEq, Eq, Debug)]
pub struct Task {
    pid: Pid,
}

impl Task {
    /// The thread's id.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// The process's id.
    pub fn tgid(&self) -> Pid {
        // SAFETY: it cannot fail.
        unsafe { libc::getpid() }
    }

    /// The process's real user id.
    pub fn uid(&self) -> Kuid {
        // SAFETY: it cannot fail.
        Kuid::from_raw(unsafe { libc::getuid() })
    }

    /// The process's effective user id.
    pub fn euid(&self) -> Kuid {
        Kuid::current_euid()
    }

    /// The process's credentials.
    ///
    /// # Panics
    ///
    /// Without memory; the kernel home counts a reference instead.
    pub fn get_cred(&self) -> ARef<Credential> {
        Credential::current()
    }

    /// The thread's name, zero-filled; all zeros when the thread is gone.
    pub fn comm(&self) -> [u8; TASK_COMM_LEN] {
        let mut name = [0; TASK_COMM_LEN];
        let text = fs::read(super::std::format!("/proc/self/task/{}/comm", self.pid));
        for (to, from) in name.iter_mut().zip(text.unwrap_or_default()) {
            if from != b'\n' {
                *to = from;
            }
        }
        name
    }
}

/// The thread that calls. It is neither `Send` nor `Sync`: in another thread it would not be the current one.
pub struct CurrentTask {
    task: Task,
    leader: Task,
    _not_thread_safe: NotThreadSafe,
}

impl Deref for CurrentTask {
    type Target = Task;

    fn deref(&self) -> &Task {
        &self.task
    }
}

impl CurrentTask {
    /// The first thread of the process.
    pub const fn group_leader(&self) -> &Task {
        &self.leader
    }
}

#[doc(hidden)]
pub struct CurrentRef(CurrentTask);

impl Deref for CurrentRef {
    type Target = CurrentTask;

    fn deref(&self) -> &CurrentTask {
        &self.0
    }
}

#[doc(hidden)]
pub fn __current() -> CurrentRef {
    // SAFETY: neither can fail.
    let (thread, process) = unsafe { (libc::gettid(), libc::getpid()) };
    CurrentRef(CurrentTask {
        task: Task { pid: thread },
        leader: Task { pid: process },
        _not_thread_safe: NotThreadSafe,
    })
}
