// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `sync::CondVar`: killable waits with a time limit.

use crate::{sys, test::TestResult};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    error::Error,
    new_condvar, new_mutex,
    sync::{Arc, CondVar, CondVarTimeoutResult, Mutex},
    time::msecs_to_jiffies,
};
use pinned_init::{pin_data, try_pin_init};

#[pin_data]
struct Flag {
    #[pin]
    is_set: Mutex<bool>,
    #[pin]
    changed: CondVar,
}

fn flag() -> Result<Arc<Flag>, Error> {
    Arc::pin_init(
        try_pin_init!(Flag {
            is_set <- new_mutex!(false, "Flag::is_set"),
            changed <- new_condvar!("Flag::changed"),
        }? Error),
        GFP_KERNEL,
    )
}

fn a_wait_ends_with_its_time_and_with_a_notification() -> TestResult {
    let flag = flag()?;
    let mut is_set = flag.is_set.lock();
    let mut left = msecs_to_jiffies(20);
    while let CondVarTimeoutResult::Woken { jiffies } =
        flag.changed.wait_killable_timeout(&mut is_set, left)
    {
        left = jiffies;
    }
    check!(!*is_set);
    let for_thread = flag.clone();
    let setter = sys::spawn(move || {
        *for_thread.is_set.lock() = true;
        for_thread.changed.notify_all();
    })?;
    let mut left = msecs_to_jiffies(60_000);
    while !*is_set {
        match flag.changed.wait_killable_timeout(&mut is_set, left) {
            CondVarTimeoutResult::Woken { jiffies } => left = jiffies,
            // Neither was it killed, nor is the time over.
            _ => check!(*is_set),
        }
    }
    check!(left > 0);
    drop(is_set);
    setter.join();
    Ok(())
}

selftests! {
    a_wait_ends_with_its_time_and_with_a_notification => [kernel_abi::sync::CondVar::wait_killable_timeout];
}
