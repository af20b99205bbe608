// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fences and sync objects, beyond what the self-test of both homes has.

use super::*;
use crate::{
    fence::{DriverFence, FenceContext, FenceOps, Signalling},
    syncobj::{FenceChain, SyncObj},
};
use core::ffi::CStr;
use kernel_abi::error::code::{EOPNOTSUPP, ETIME};
use proptest::prelude::*;
use std::{thread, vec::Vec};

struct Job;

impl FenceOps for Job {
    const DRIVER_NAME: &'static CStr = c"toy";

    fn timeline_name(&self) -> &CStr {
        c"job"
    }
}

fn job() -> ARef<DriverFence<Job>> {
    DriverFence::new(&FenceContext::new(), Job).unwrap()
}

fn open(bench: &Bench) -> Pin<KBox<File<ToyFile>>> {
    File::open(&bench.device).unwrap()
}

#[test]
fn a_driver_without_sync_objects_has_none() {
    use crate::doctest;
    doctest::with_toy(|device| {
        let file = File::<doctest::ToyFile>::open(device)?;
        assert_eq!(file.syncobj_create(false), Err(EOPNOTSUPP));
        assert_eq!(file.syncobj_query(1), Err(EOPNOTSUPP));
        assert_eq!(file.syncobj_timeline_signal(1, 1), Err(EOPNOTSUPP));
        Ok(())
    });
}

#[test]
fn files_share_a_sync_object_and_each_has_its_handle() {
    let bench = toy();
    let (one, other) = (open(&bench), open(&bench));
    let first = one.syncobj_create(false).unwrap();
    let _ = other.syncobj_create(true).unwrap();
    let second = one.syncobj_share(first, &other).unwrap();
    let job = job();
    let object = SyncObj::lookup_handle(&one, first).unwrap();
    object.replace_fence(Some(job.as_fence()));
    assert_eq!(other.syncobj_wait(second, 0, 0), Err(ETIME));
    one.syncobj_destroy(first).unwrap();
    let waiter = thread::spawn(move || other.syncobj_wait(second, 0, 60_000));
    job.signal();
    assert_eq!(waiter.join().unwrap(), Ok(()));
}

#[test]
#[should_panic(expected = "where fences are signalled")]
fn a_wait_where_fences_are_signalled_is_a_defect() {
    let _marked = Signalling::begin();
    job().as_fence().wait_timeout(0);
}

#[test]
fn a_long_timeline_goes_without_recursion() {
    let bench = toy();
    let file = open(&bench);
    let handle = file.syncobj_create(false).unwrap();
    let object = SyncObj::lookup_handle(&file, handle).unwrap();
    let job = job();
    for point in 1..50_000 {
        object.add_point(FenceChain::new().unwrap(), job.as_fence(), point);
    }
    object.replace_fence(None);
    job.signal();
}

proptest! {
    /// Whatever order jobs end in: a point is over when all up to it are.
    #[test]
    fn points_are_over_when_all_up_to_them_are(
        order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(),
        gaps in proptest::collection::vec(1..4u64, 8),
    ) {
        let bench = toy();
        let file = open(&bench);
        let handle = file.syncobj_create(false).unwrap();
        let object = SyncObj::lookup_handle(&file, handle).unwrap();
        let jobs: Vec<_> = (0..8).map(|_| job()).collect();
        let mut points = Vec::new();
        for (job, gap) in jobs.iter().zip(&gaps) {
            points.push(points.last().unwrap_or(&0) + gap);
            let chain = FenceChain::new().unwrap();
            object.add_point(chain, job.as_fence(), *points.last().unwrap());
        }
        let all: Vec<_> = points
            .iter()
            .map(|point| SyncObj::find_fence(&file, handle, *point).unwrap())
            .collect();
        let mut over = [false; 8];
        for next in order {
            jobs[next].signal();
            over[next] = true;
            let upto = over.iter().take_while(|over| **over).count();
            for (index, fence) in all.iter().enumerate() {
                prop_assert_eq!(fence.is_signaled(), index < upto);
            }
            let value = upto.checked_sub(1).map_or(0, |last| points[last]);
            prop_assert_eq!(file.syncobj_query(handle).unwrap(), value);
        }
    }
}
