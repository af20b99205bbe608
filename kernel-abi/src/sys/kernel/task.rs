// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Tasks: threads and processes, as the kernel sees them.
//!
//! C header: `include/linux/sched.h`.
//!
//! ```no_run
//! use kernel_abi::current;
//!
//! let who = current!();
//! let (process, user) = (who.tgid(), who.euid().into_uid_in_init_ns());
//! # let _ = (process, user);
//! ```

use super::{bindings, cred::Credential, mm::MmWithUser, pid_namespace::PidNamespace};
use crate::types::{ARef, AlwaysRefCounted, NotThreadSafe, Opaque};
use core::{ops::Deref, ptr::NonNull};

pub use super::kuid::Kuid;

/// A process or thread id (`pid_t`), in some pid namespace.
pub type Pid = bindings::pid_t;

/// Bytes of a task's name with its terminating zero (`TASK_COMM_LEN`).
pub const TASK_COMM_LEN: usize = 16;

/// The task that calls, for as long as the expression it is in: a reference to [`CurrentTask`].
///
/// Counterpart of `current`. Any context; in an interrupt it is the task that was interrupted, which says nothing.
#[macro_export]
macro_rules! current {
    () => {
        &*$crate::task::__current()
    };
}

/// A task (`struct task_struct`), alive or dead.
///
/// # Invariants
///
/// The value lives where C made it, and has a count for as long as it is referred to.
#[repr(transparent)]
pub struct Task(Opaque<bindings::task_struct>);

// SAFETY: everything offered here may be called by any task.
unsafe impl Send for Task {}
// SAFETY: as above.
unsafe impl Sync for Task {}

// SAFETY: C frees a task's structure with its last count.
unsafe impl AlwaysRefCounted for Task {
    fn inc_ref(&self) {
        // SAFETY: a shared reference has a count.
        unsafe { bindings::nova_get_task_struct(self.as_ptr()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: by this function's contract.
        unsafe { bindings::nova_put_task_struct(this.cast().as_ptr()) };
    }
}

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for Task {}

impl Task {
    /// The address of the task that calls. Any context.
    pub fn current_raw() -> *mut bindings::task_struct {
        // SAFETY: it only reads a register.
        unsafe { bindings::nova_get_current() }
    }

    /// The task that calls; use [`current!`](crate::current!), which keeps the contract.
    ///
    /// # Safety
    ///
    /// The value does not outlive the function that calls, and no mm or pid namespace is switched meanwhile.
    pub unsafe fn current() -> impl Deref<Target = CurrentTask> {
        __current()
    }

    /// The address of the C structure.
    pub const fn as_ptr(&self) -> *mut bindings::task_struct {
        self.0.get()
    }

    /// The thread's id in the initial pid namespace (`task_pid_nr()`). Any context.
    pub fn pid(&self) -> Pid {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_task_pid(self.as_ptr()) }
    }

    /// The process's id (thread group) in the initial pid namespace (`task_tgid_nr()`). Any context.
    pub fn tgid(&self) -> Pid {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_task_tgid(self.as_ptr()) }
    }

    /// The real user id (`task_uid()`). Any context.
    pub fn uid(&self) -> Kuid {
        // SAFETY: by the type invariant.
        Kuid::from_raw(unsafe { bindings::nova_task_uid(self.as_ptr()) })
    }

    /// The effective user id (`task_cred_xxx(task, euid)`). Any context.
    pub fn euid(&self) -> Kuid {
        // SAFETY: by the type invariant.
        Kuid::from_raw(unsafe { bindings::nova_task_euid(self.as_ptr()) })
    }

    /// What the task may do, objectively: its real credentials (`get_task_cred()`). Any context.
    pub fn get_cred(&self) -> ARef<Credential> {
        // SAFETY: by the type invariant.
        let cred = unsafe { bindings::get_task_cred(self.as_ptr()) };
        // SAFETY: a task always has credentials, and this is a count of ours.
        unsafe { ARef::from_raw(NonNull::new_unchecked(cred.cast_mut().cast())) }
    }

    /// The task's name (`comm`), zero-filled; programs choose it as they like. Any context.
    pub fn comm(&self) -> [u8; TASK_COMM_LEN] {
        let mut name = [0; TASK_COMM_LEN];
        // SAFETY: by the type invariant; `name` has room for so many bytes.
        unsafe { bindings::nova_task_comm(self.as_ptr(), name.as_mut_ptr().cast(), name.len()) };
        name
    }

    /// Whether a signal waits for the task (`signal_pending()`). Any context.
    pub fn signal_pending(&self) -> bool {
        // SAFETY: by the type invariant.
        unsafe { bindings::nova_signal_pending(self.as_ptr()) }
    }

    /// The pid namespace that the task runs in; none when it is dead. Any context.
    ///
    /// Counterpart: `task_active_pid_ns()` under RCU, with a count.
    pub fn get_pid_ns(&self) -> Option<ARef<PidNamespace>> {
        // SAFETY: by the type invariant.
        let ns = unsafe { bindings::nova_task_get_pid_ns(self.as_ptr()) };
        // SAFETY: when it is not null this is a count of ours.
        NonNull::new(ns.cast()).map(|ns| unsafe { ARef::from_raw(ns) })
    }

    /// The process's id in a pid namespace, or in that of the caller; 0 when it has none there (`task_tgid_nr_ns()`).
    /// Any context.
    pub fn tgid_nr_ns(&self, ns: Option<&PidNamespace>) -> Pid {
        let ns = ns.map_or(core::ptr::null_mut(), PidNamespace::as_ptr);
        // SAFETY: by the type invariant; null means the caller's namespace.
        unsafe { bindings::nova_task_tgid_nr_ns(self.as_ptr(), ns) }
    }

    /// Wakes the task if it sleeps (`wake_up_process()`). Any context.
    pub fn wake_up(&self) {
        // SAFETY: by the type invariant.
        unsafe { bindings::wake_up_process(self.as_ptr()) };
    }
}

/// The task that calls.
///
/// What may be asked of the caller alone is here. It is neither `Send` nor `Sync`: on another task it would not be the
/// current one.
///
/// # Invariants
///
/// The task is the one that runs.
#[repr(transparent)]
pub struct CurrentTask(Task, NotThreadSafe);

impl Deref for CurrentTask {
    type Target = Task;

    fn deref(&self) -> &Task {
        &self.0
    }
}

impl CurrentTask {
    /// The caller's address space; a kernel thread has none. Process context.
    pub fn mm(&self) -> Option<&MmWithUser> {
        // SAFETY: by the type invariant; a task's own mm does not change while it is in here.
        let mm = unsafe { bindings::nova_task_mm(self.as_ptr()) };
        // SAFETY: a task holds a user of its mm.
        NonNull::new(mm).map(|mm| unsafe { MmWithUser::from_raw(mm.as_ptr()) })
    }

    /// The pid namespace that the caller runs in (`task_active_pid_ns()`). Process context.
    pub fn active_pid_ns(&self) -> Option<&PidNamespace> {
        // SAFETY: by the type invariant.
        let ns = unsafe { bindings::task_active_pid_ns(self.as_ptr()) };
        // SAFETY: a task that runs holds its namespace, and cannot leave it.
        NonNull::new(ns).map(|ns| unsafe { PidNamespace::from_ptr(ns.as_ptr()) })
    }

    /// The first thread of the caller's process. Process context.
    pub fn group_leader(&self) -> &Task {
        // SAFETY: by the type invariant. The leader's structure lives as long as its group has a thread.
        unsafe { &*bindings::nova_task_group_leader(self.as_ptr()).cast::<Task>() }
    }
}

#[doc(hidden)]
pub struct CurrentRef(*mut bindings::task_struct, NotThreadSafe);

impl Deref for CurrentRef {
    type Target = CurrentTask;

    fn deref(&self) -> &CurrentTask {
        // SAFETY: the pointer is of the task that called `__current`, and the value cannot leave that task.
        unsafe { &*self.0.cast::<CurrentTask>() }
    }
}

#[doc(hidden)]
pub fn __current() -> CurrentRef {
    CurrentRef(Task::current_raw(), NotThreadSafe)
}

/// Says that the code may sleep here: a kernel with `DEBUG_ATOMIC_SLEEP` complains when it may not (`might_sleep()`).
/// Process context.
pub fn might_sleep() {
    // SAFETY: it checks, and may let another task run.
    unsafe { bindings::nova_might_sleep() };
}
