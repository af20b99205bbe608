// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Sync objects, binary and timelines, of files that are really open.

use super::{
    fence::{job, settle},
    toy::Bench,
};
use crate::test::TestResult;
use core::sync::atomic::Ordering::SeqCst;
use drm_core::{
    fence::{Fence, FenceContext},
    syncobj::{FenceChain, SyncObj},
};
use kernel_abi::{
    error::code::{EINVAL, EIO, ENOENT, ETIME},
    types::ARef,
};

fn a_binary_object_holds_one_fence() -> TestResult {
    let bench = Bench::new()?;
    let file = bench.open()?;
    let handle = file.syncobj_create(false)?;
    check_eq!(
        SyncObj::find_fence(file.get(), handle, 0).err(),
        Some(EINVAL)
    );
    check_eq!(file.syncobj_wait(handle, 0, false), Err(EINVAL));
    let context = FenceContext::new();
    let ((one, seen), (two, _)) = (job(&context)?, job(&context)?);
    let object = SyncObj::lookup_handle(file.get(), handle)?;
    object.replace_fence(Some(one.as_fence()));
    check_eq!(file.syncobj_wait(handle, 0, false), Err(ETIME));
    let found = SyncObj::find_fence(file.get(), handle, 0)?;
    check!(core::ptr::eq(&*found, one.as_fence()));
    one.signal();
    check_eq!(file.syncobj_wait(handle, 0, true), Ok(()));
    drop(one);
    drop(found);
    object.replace_fence(Some(two.as_fence()));
    settle();
    check_eq!(seen.dropped.load(SeqCst), 1);
    check_eq!(file.syncobj_wait(handle, 0, false), Err(ETIME));
    // Programs put there and take away what is over.
    file.syncobj_signal(handle)?;
    check_eq!(file.syncobj_wait(handle, 0, true), Ok(()));
    file.syncobj_reset(handle)?;
    check_eq!(file.syncobj_wait(handle, 0, false), Err(EINVAL));
    object.replace_fence(None);
    two.signal();
    drop(two);
    settle();
    Ok(())
}

fn a_point_is_over_with_all_below_it() -> TestResult {
    let bench = Bench::new()?;
    let file = bench.open()?;
    let handle = file.syncobj_create(false)?;
    let object = SyncObj::lookup_handle(file.get(), handle)?;
    let context = FenceContext::new();
    let ((one, _), (two, _)) = (job(&context)?, job(&FenceContext::new())?);
    object.add_point(FenceChain::new()?, one.as_fence(), 10);
    object.add_point(FenceChain::new()?, two.as_fence(), 20);
    check_eq!(
        SyncObj::find_fence(file.get(), handle, 21).err(),
        Some(EINVAL)
    );
    // Point 15 comes with point 20: the first that is there.
    let (first, both) = (
        SyncObj::find_fence(file.get(), handle, 5)?,
        SyncObj::find_fence(file.get(), handle, 15)?,
    );
    let leaves = |fence: &Fence| {
        let mut leaves = 0;
        fence.for_each_leaf(|leaf| {
            let known = [one.as_fence(), two.as_fence()];
            leaves += known
                .iter()
                .filter(|fence| core::ptr::eq(**fence, leaf))
                .count();
            true
        });
        leaves
    };
    check_eq!((leaves(&first), leaves(&both)), (1, 2));
    check_eq!(file.syncobj_query(handle)?, 0);
    two.signal();
    check!(!both.is_signaled());
    check_eq!(file.syncobj_wait(handle, 20, false), Err(ETIME));
    one.signal();
    check_eq!(file.syncobj_wait(handle, 20, true), Ok(()));
    check!(first.is_signaled() && both.is_signaled());
    check_eq!(file.syncobj_query(handle)?, 20);
    // A point that was passed is over.
    check!(SyncObj::find_fence(file.get(), handle, 7)?.is_signaled());
    file.syncobj_timeline_signal(handle, 30)?;
    check_eq!(file.syncobj_query(handle)?, 30);
    drop((first, both, object));
    drop((one, two));
    file.syncobj_destroy(handle)?;
    settle();
    Ok(())
}

fn a_point_can_be_transferred() -> TestResult {
    let bench = Bench::new()?;
    let file = bench.open()?;
    let (binary, timeline) = (file.syncobj_create(false)?, file.syncobj_create(true)?);
    check_eq!(file.syncobj_wait(timeline, 0, true), Ok(()));
    let (one, _) = job(&FenceContext::new())?;
    SyncObj::lookup_handle(file.get(), binary)?.replace_fence(Some(one.as_fence()));
    file.syncobj_transfer(binary, 0, timeline, 4)?;
    check_eq!(file.syncobj_wait(timeline, 4, false), Err(ETIME));
    check_eq!(file.syncobj_transfer(binary, 9, timeline, 5), Err(EINVAL));
    one.fail(EIO);
    check_eq!(file.syncobj_wait(timeline, 4, true), Ok(()));
    drop(one);
    drop(file);
    settle();
    Ok(())
}

fn handles_are_of_one_file_and_end_with_it() -> TestResult {
    let bench = Bench::new()?;
    let (file, other) = (bench.open()?, bench.open()?);
    let handle = file.syncobj_create(false)?;
    check_eq!(
        SyncObj::lookup_handle(other.get(), handle).err(),
        Some(ENOENT)
    );
    check_eq!(
        SyncObj::find_fence(other.get(), handle, 0).err(),
        Some(ENOENT)
    );
    check_eq!(SyncObj::lookup_handle(file.get(), 0).err(), Some(ENOENT));
    let (one, seen) = job(&FenceContext::new())?;
    let object: ARef<SyncObj> = SyncObj::lookup_handle(file.get(), handle)?;
    object.replace_fence(Some(one.as_fence()));
    one.signal();
    drop(one);
    file.syncobj_destroy(handle)?;
    check_eq!(file.syncobj_destroy(handle), Err(EINVAL));
    check_eq!(
        SyncObj::lookup_handle(file.get(), handle).err(),
        Some(ENOENT)
    );
    settle();
    check_eq!(seen.dropped.load(SeqCst), 0);
    drop(object);
    drop(file);
    settle();
    check_eq!(seen.dropped.load(SeqCst), 1);
    // Memory for a point that is not used goes back.
    drop(FenceChain::new()?);
    Ok(())
}

selftests! {
    a_binary_object_holds_one_fence => [
        drm_core::syncobj::SyncObj, drm_core::syncobj::SyncObj::lookup_handle,
        drm_core::syncobj::SyncObj::find_fence, drm_core::syncobj::SyncObj::replace_fence,
    ];
    a_point_is_over_with_all_below_it => [
        drm_core::syncobj::SyncObj::add_point, drm_core::syncobj::FenceChain, drm_core::syncobj::FenceChain::new,
    ];
    a_point_can_be_transferred => [];
    handles_are_of_one_file_and_end_with_it => [];
}
