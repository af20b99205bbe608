// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Threads of the kernel, and a file to poll.
//!
//! C headers: `include/linux/kthread.h`, `include/linux/delay.h`.

pub(crate) mod drm;
pub(crate) mod poll_file;
mod syncobj;

use core::{
    cell::UnsafeCell,
    ffi::{c_int, c_void},
    sync::atomic::{AtomicBool, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    bindings,
    error::{from_err_ptr, Error, Result},
    sync::Arc,
    task::Task,
    types::{ARef, Opaque},
};
use pinned_init::{pin_data, try_pin_init};

/// What a thread leaves behind, and the sign that it has.
#[pin_data]
struct Outcome<R> {
    result: UnsafeCell<Option<R>>,
    #[pin]
    done: Opaque<bindings::completion>,
}

// SAFETY: the thread writes the result before it completes `done`; the other side reads it after.
unsafe impl<R: Send> Send for Outcome<R> {}
// SAFETY: as above.
unsafe impl<R: Send> Sync for Outcome<R> {}

impl<R> Outcome<R> {
    fn wait(&self) {
        // SAFETY: initialised by `spawn`.
        unsafe { bindings::wait_for_completion(self.done.get()) };
    }
}

/// A thread; dropping it waits for its end.
pub(crate) struct Thread<R: Send + 'static> {
    task: *mut bindings::task_struct,
    outcome: Arc<Outcome<R>>,
}

// SAFETY: waiting for a thread may be done by any task.
unsafe impl<R: Send + 'static> Send for Thread<R> {}

struct Start<R, F> {
    body: F,
    outcome: Arc<Outcome<R>>,
}

/// Runs `body` in a thread of its own. Sleeps.
pub(crate) fn spawn<R: Send + 'static, F: FnOnce() -> R + Send + 'static>(
    body: F,
) -> Result<Thread<R>> {
    let outcome = Arc::pin_init(
        try_pin_init!(Outcome {
            result: UnsafeCell::new(None),
            // SAFETY: the slot is valid for writes.
            done <- Opaque::ffi_init(|slot| unsafe { bindings::nova_init_completion(slot) }),
        }? Error),
        GFP_KERNEL,
    )?;
    let start = Start {
        body,
        outcome: outcome.clone(),
    };
    let data: *mut Start<R, F> = KBox::into_raw(KBox::new(start, GFP_KERNEL)?);
    // SAFETY: the entry takes over `data`; the name is a format without arguments.
    let task = from_err_ptr(unsafe {
        bindings::kthread_create_on_node(
            Some(entry::<R, F>),
            data.cast(),
            bindings::NUMA_NO_NODE,
            c"selftest".as_ptr(),
        )
    });
    match task {
        Ok(task) => {
            // SAFETY: the new thread cannot end before it is woken up; the count is given back by `drop`.
            unsafe {
                bindings::nova_get_task_struct(task);
                bindings::wake_up_process(task);
            }
            Ok(Thread { task, outcome })
        }
        Err(error) => {
            // SAFETY: no thread has taken it.
            drop(unsafe { KBox::from_raw(data) });
            Err(error)
        }
    }
}

/// # Safety
///
/// Called once, with the `Start` that `spawn` made.
unsafe extern "C" fn entry<R, F: FnOnce() -> R>(data: *mut c_void) -> c_int {
    // SAFETY: by this function's contract.
    let start = unsafe { KBox::from_raw(data.cast::<Start<R, F>>()) };
    let Start { body, outcome } = KBox::into_inner(start);
    let result = body();
    // SAFETY: nobody reads it before `complete`.
    unsafe { *outcome.result.get() = Some(result) };
    // For `join` and for `drop`.
    // SAFETY: initialised by `spawn`.
    unsafe { bindings::complete_all(outcome.done.get()) };
    0
}

impl<R: Send + 'static> Thread<R> {
    /// Waits for its end. Sleeps.
    pub(crate) fn join(self) -> R {
        self.outcome.wait();
        // SAFETY: the thread has left its result and does not touch it any more.
        match unsafe { (*self.outcome.result.get()).take() } {
            Some(result) => result,
            // PANIC: the thread completes only after it has stored its result, and `join` takes the handle.
            None => panic!("no result"),
        }
    }
}

impl<R: Send + 'static> Drop for Thread<R> {
    fn drop(&mut self) {
        self.outcome.wait();
        // SAFETY: the count of `spawn` keeps the task's structure; the stop waits for its end.
        unsafe {
            bindings::kthread_stop(self.task);
            bindings::nova_put_task_struct(self.task);
        }
    }
}

/// A thread that sleeps until somebody wakes it up.
pub(crate) struct Sleeper {
    ready: Arc<AtomicBool>,
    task: ARef<Task>,
    thread: Thread<()>,
}

/// Starts one. Sleeps.
pub(crate) fn spawn_sleeper() -> Result<Sleeper> {
    let ready = Arc::new(AtomicBool::new(false), GFP_KERNEL)?;
    let for_thread = ready.clone();
    let thread = spawn(move || {
        // SAFETY: the state is one that a wake-up ends; whoever sees `ready` wakes a task in that state.
        unsafe {
            bindings::nova_set_current_state(bindings::TASK_UNINTERRUPTIBLE as u32);
            for_thread.store(true, Ordering::Release);
            bindings::schedule();
        }
    })?;
    // SAFETY: the thread holds a count of its task.
    let task = unsafe { ARef::from(&*thread.task.cast::<Task>()) };
    Ok(Sleeper {
        ready,
        task,
        thread,
    })
}

impl Sleeper {
    /// Whether it is about to sleep, so that a wake-up counts.
    pub(crate) fn sleeps(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn task(&self) -> &Task {
        &self.task
    }

    /// Waits for its end. Sleeps.
    pub(crate) fn join(self) {
        self.thread.join();
    }
}

/// Sleeps.
pub(crate) fn sleep_ms(milliseconds: u32) {
    // SAFETY: tests run in process context.
    unsafe { bindings::msleep(milliseconds) };
}
