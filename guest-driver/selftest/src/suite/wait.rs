// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `sync`: waiting. `time`.

use crate::{sys, test::TestResult};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    error::{Error, Result},
    new_condvar, new_mutex, new_spinlock, static_lock_class,
    sync::{Arc, Completion, CondVar, CondVarTimeoutResult, Mutex, SpinLock},
    time::{jiffies_to_msecs, msecs_to_jiffies, Jiffies, Msecs},
};
use pinned_init::{pin_data, try_pin_init};

/// How many have arrived, how many may go on, and who waits for that.
#[pin_data]
struct Gate {
    #[pin]
    state: Mutex<(u32, u32)>,
    #[pin]
    changed: CondVar,
}

fn gate() -> Result<Arc<Gate>> {
    Arc::pin_init(
        try_pin_init!(Gate {
            state <- new_mutex!((0, 0), "Gate::state"),
            changed <- new_condvar!("Gate::changed"),
        }? Error),
        GFP_KERNEL,
    )
}

impl Gate {
    /// A thread that waits, in the way of `wait`, until it may go on.
    fn waiter(
        this: &Arc<Self>,
        wait: fn(&CondVar, &mut kernel_abi::sync::MutexGuard<'_, (u32, u32)>) -> bool,
    ) -> Result<sys::Thread<bool>> {
        let gate = this.clone();
        sys::spawn(move || {
            let mut state = gate.state.lock();
            state.0 += 1;
            let mut ended_well = true;
            while state.1 == 0 && ended_well {
                ended_well = wait(&gate.changed, &mut state);
            }
            state.1 = state.1.saturating_sub(1);
            ended_well
        })
    }

    /// Waits, without a condition variable, until so many have arrived.
    fn arrived(&self, count: u32) {
        while self.state.lock().0 < count {
            sys::sleep_ms(1);
        }
    }
}

fn who_is_notified_goes_on() -> TestResult {
    let gate = gate()?;
    let one = Gate::waiter(&gate, |changed, state| {
        changed.wait(state);
        true
    })?;
    let two = Gate::waiter(&gate, |changed, state| !changed.wait_interruptible(state))?;
    let three = Gate::waiter(&gate, |changed, state| !changed.wait_killable(state))?;
    gate.arrived(3);
    for notify in [
        CondVar::notify_one,
        CondVar::notify_sync,
        CondVar::notify_one,
    ] {
        gate.state.lock().1 += 1;
        notify(&gate.changed);
    }
    check!(one.join() && two.join() && three.join());
    let waiters = [(); 4].map(|()| {
        Gate::waiter(&gate, |changed, state| {
            changed.wait(state);
            true
        })
    });
    gate.arrived(7);
    gate.state.lock().1 = 4;
    gate.changed.notify_all();
    for waiter in waiters {
        check!(waiter?.join());
    }
    check_eq!(*gate.state.lock(), (7, 0));
    Ok(())
}

fn waits_end_with_their_time() -> TestResult {
    const HOUR: Msecs = 3_600_000;
    let gate = gate()?;
    {
        let mut state = gate.state.lock();
        let short: Jiffies = msecs_to_jiffies(2);
        let ended = gate.changed.wait_interruptible_timeout(&mut state, short);
        check_eq!(ended, CondVarTimeoutResult::Timeout);
    }
    let waiter = Gate::waiter(&gate, |changed, state| {
        let ended = changed.wait_interruptible_timeout(state, msecs_to_jiffies(HOUR));
        matches!(ended, CondVarTimeoutResult::Woken { jiffies } if jiffies <= msecs_to_jiffies(HOUR))
    })?;
    gate.arrived(1);
    gate.state.lock().1 = 1;
    gate.changed.notify_one();
    check!(waiter.join());
    check!(msecs_to_jiffies(1) >= 1 && jiffies_to_msecs(msecs_to_jiffies(HOUR)) == HOUR);
    Ok(())
}

/// The lock of a wait may be any kind, and the condition variable may be named by hand.
fn spinlocks_wait_too() -> TestResult {
    #[pin_data]
    struct Flag {
        #[pin]
        is_set: SpinLock<bool>,
        #[pin]
        changed: CondVar,
    }
    let flag = Arc::pin_init(
        try_pin_init!(Flag {
            is_set <- new_spinlock!(false, "Flag::is_set"),
            changed <- CondVar::new(c"Flag::changed", static_lock_class!()),
        }? Error),
        GFP_KERNEL,
    )?;
    let other = flag.clone();
    let setter = sys::spawn(move || {
        *other.is_set.lock() = true;
        other.changed.notify_one();
    })?;
    let mut is_set = flag.is_set.lock();
    while !*is_set {
        flag.changed.wait(&mut is_set);
    }
    drop(is_set);
    setter.join();
    Ok(())
}

fn completions_let_go_on() -> TestResult {
    let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
    let other = done.clone();
    let waiter = sys::spawn(move || {
        other.wait_for_completion();
        other.wait_for_completion_killable().is_ok()
    })?;
    done.complete();
    done.complete();
    check!(waiter.join());
    done.complete_all();
    done.wait_for_completion();
    done.wait_for_completion_killable()?;
    Ok(())
}

selftests! {
    who_is_notified_goes_on => [
        kernel_abi::new_condvar,
        kernel_abi::sync::CondVar,
        kernel_abi::sync::CondVar::notify_all,
        kernel_abi::sync::CondVar::notify_one,
        kernel_abi::sync::CondVar::notify_sync,
        kernel_abi::sync::CondVar::wait,
        kernel_abi::sync::CondVar::wait_interruptible,
        kernel_abi::sync::CondVar::wait_killable,
    ];
    waits_end_with_their_time => [
        kernel_abi::sync::CondVar::wait_interruptible_timeout,
        kernel_abi::sync::CondVarTimeoutResult,
        kernel_abi::time::Jiffies,
        kernel_abi::time::Msecs,
        kernel_abi::time::jiffies_to_msecs,
        kernel_abi::time::msecs_to_jiffies,
    ];
    spinlocks_wait_too => [kernel_abi::sync::CondVar::new];
    completions_let_go_on => [
        kernel_abi::sync::Completion,
        kernel_abi::sync::Completion::complete,
        kernel_abi::sync::Completion::complete_all,
        kernel_abi::sync::Completion::new,
        kernel_abi::sync::Completion::wait_for_completion,
        kernel_abi::sync::Completion::wait_for_completion_killable,
    ];
}
