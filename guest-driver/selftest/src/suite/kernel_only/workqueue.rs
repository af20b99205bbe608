// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `workqueue`

use crate::{sys, test::TestResult};
use core::sync::atomic::{AtomicU32, Ordering};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    current,
    sync::Arc,
    time::msecs_to_jiffies,
    workqueue::{DelayedWork, Work, WorkItem},
};

/// Counts its runs, in a worker of the kernel's.
struct Counter {
    begun: AtomicU32,
    ended: AtomicU32,
    pid: AtomicU32,
    sleep_ms: u32,
}

impl Counter {
    fn new(sleep_ms: u32) -> Self {
        Self {
            begun: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            pid: AtomicU32::new(0),
            sleep_ms,
        }
    }
}

impl WorkItem for Counter {
    fn run(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.pid.store(current!().pid() as u32, Ordering::SeqCst);
        sys::sleep_ms(self.sleep_ms);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits for a count; what never comes fails the test.
fn comes_to(count: &AtomicU32, wanted: u32) -> bool {
    for _ in 0..5000 {
        if count.load(Ordering::SeqCst) >= wanted {
            return true;
        }
        sys::sleep_ms(1);
    }
    false
}

fn work_runs_in_a_worker_as_often_as_it_is_queued() -> TestResult {
    let counter = Arc::new(Counter::new(0), GFP_KERNEL)?;
    let work = KBox::pin_init(Work::new(counter.clone()), GFP_KERNEL)?;
    for round in 1..=3 {
        work.schedule();
        check!(comes_to(&counter.ended, round));
    }
    check!(counter.pid.load(Ordering::SeqCst) != current!().pid() as u32);
    check_eq!(counter.begun.load(Ordering::SeqCst), 3);
    Ok(())
}

fn dropping_work_waits_for_its_run() -> TestResult {
    let counter = Arc::new(Counter::new(50), GFP_KERNEL)?;
    let work = KBox::pin_init(Work::new(counter.clone()), GFP_KERNEL)?;
    work.schedule();
    check!(comes_to(&counter.begun, 1));
    drop(work);
    check_eq!(counter.ended.load(Ordering::SeqCst), 1);
    Ok(())
}

fn delayed_work_runs_later_and_once_for_the_last_time_given() -> TestResult {
    let counter = Arc::new(Counter::new(0), GFP_KERNEL)?;
    let work = KBox::pin_init(DelayedWork::new(counter.clone()), GFP_KERNEL)?;
    work.schedule_after(msecs_to_jiffies(600_000));
    check_eq!(counter.begun.load(Ordering::SeqCst), 0);
    work.schedule_after(msecs_to_jiffies(1));
    check!(comes_to(&counter.ended, 1));
    // What did not run is taken back.
    work.schedule_after(msecs_to_jiffies(600_000));
    drop(work);
    check_eq!(counter.begun.load(Ordering::SeqCst), 1);
    Ok(())
}

selftests! {
    work_runs_in_a_worker_as_often_as_it_is_queued => [
        kernel_abi::workqueue::Work, kernel_abi::workqueue::WorkItem, kernel_abi::workqueue::Work::new,
        kernel_abi::workqueue::Work::schedule,
    ];
    dropping_work_waits_for_its_run => [];
    delayed_work_runs_later_and_once_for_the_last_time_given => [
        kernel_abi::workqueue::DelayedWork, kernel_abi::workqueue::DelayedWork::new,
        kernel_abi::workqueue::DelayedWork::schedule_after,
    ];
}
