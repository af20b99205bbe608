// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fences: who signals, who waits, who is called.

use crate::{sys, test::TestResult};
use core::{
    ffi::CStr,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};
use drm_core::fence::{
    Callback, DriverFence, Fence, FenceCallback, FenceContext, FenceOps, Signalling,
};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    error::{
        code::{EIO, ENODEV},
        Result,
    },
    sync::{rcu, Arc},
    time::msecs_to_jiffies,
    types::ARef,
};

/// What happened to a fence.
#[derive(Default)]
pub(super) struct Seen {
    enabled: AtomicU32,
    pub(super) dropped: AtomicU32,
    called: AtomicU32,
    /// What it says to who only looks.
    over: AtomicU32,
}

/// A fence that counts.
pub(super) struct Job(Arc<Seen>);

impl FenceOps for Job {
    const DRIVER_NAME: &'static CStr = c"nova-selftest";

    fn timeline_name(&self) -> &CStr {
        c"job"
    }

    fn enable_signaling(fence: &DriverFence<Self>) -> bool {
        fence.0.enabled.fetch_add(1, SeqCst);
        fence.0.over.load(SeqCst) == 0
    }

    fn signaled(fence: &DriverFence<Self>) -> bool {
        fence.0.over.load(SeqCst) != 0
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

/// Another kind.
struct Other;

impl FenceOps for Other {
    const DRIVER_NAME: &'static CStr = c"nova-selftest";

    fn timeline_name(&self) -> &CStr {
        c"other"
    }
}

struct Call(Arc<Seen>);

impl Callback for Call {
    fn signaled(&self) {
        self.0.called.fetch_add(1, SeqCst);
    }
}

pub(super) fn job(context: &FenceContext) -> Result<(ARef<DriverFence<Job>>, Arc<Seen>)> {
    let seen = Arc::new(Seen::default(), GFP_KERNEL)?;
    Ok((DriverFence::new(context, Job(seen.clone()))?, seen))
}

/// Waits until fences that nobody has any more are gone.
pub(super) fn settle() {
    rcu::rcu_barrier();
}

fn a_fence_is_signalled_once() -> TestResult {
    let context = FenceContext::new();
    let (one, seen) = job(&context)?;
    let (two, _) = job(&context)?;
    check_eq!(one.as_fence().context(), context.id());
    check!(FenceContext::new().id() != context.id());
    check!(two.as_fence().seqno() > one.as_fence().seqno());
    check_eq!(one.as_fence().status(), None);
    check!(!one.as_fence().is_signaled());
    let marked = Signalling::begin();
    check!(one.signal());
    check!(!one.signal() && !one.fail(EIO));
    check!(two.fail(ENODEV));
    drop(marked);
    check!(one.as_fence().is_signaled());
    check_eq!(one.as_fence().status(), Some(Ok(())));
    check_eq!(two.as_fence().status(), Some(Err(ENODEV)));
    // Nobody waited.
    check_eq!(seen.enabled.load(SeqCst), 0);
    let fence: ARef<Fence> = ARef::from(one.as_fence());
    drop(one);
    settle();
    check_eq!(seen.dropped.load(SeqCst), 0);
    drop(fence);
    drop(two);
    settle();
    check_eq!(seen.dropped.load(SeqCst), 1);
    Ok(())
}

fn waiting_enables_signalling_once() -> TestResult {
    let context = FenceContext::new();
    let (job, seen) = job(&context)?;
    let short = msecs_to_jiffies(1);
    check!(!job.as_fence().wait_timeout(short));
    check!(!job.as_fence().wait_timeout(short));
    check_eq!(seen.enabled.load(SeqCst), 1);
    let waiter = ARef::from(job.as_fence());
    let waiting = sys::spawn(move || {
        // PANIC-free: the result is looked at below.
        let _ = waiter.wait_timeout(msecs_to_jiffies(60_000));
    })?;
    sys::sleep_ms(5);
    job.signal();
    waiting.join();
    check!(job.as_fence().wait_timeout(0));
    drop(job);
    settle();
    Ok(())
}

fn a_fence_that_is_looked_at_is_signalled_when_it_is_over() -> TestResult {
    let context = FenceContext::new();
    let (one, seen) = job(&context)?;
    seen.over.store(1, SeqCst);
    check!(one.as_fence().is_signaled());
    check!(!one.signal());
    // And so is one that turns out to be over when somebody begins to wait.
    let (two, seen) = job(&context)?;
    seen.over.store(1, SeqCst);
    let added = FenceCallback::add(ARef::from(two.as_fence()), Call(seen.clone()))?;
    check!(added.is_none());
    check_eq!(seen.called.load(SeqCst), 0);
    check_eq!(two.as_fence().status(), Some(Ok(())));
    drop((one, two));
    settle();
    Ok(())
}

fn callbacks_are_called_once_or_taken_back() -> TestResult {
    let context = FenceContext::new();
    let (job, seen) = job(&context)?;
    let fence = || ARef::from(job.as_fence());
    let kept = some!(FenceCallback::add(fence(), Call(seen.clone()))?);
    let taken_back = some!(FenceCallback::add(fence(), Call(seen.clone()))?);
    check_eq!(seen.enabled.load(SeqCst), 1);
    drop(taken_back);
    job.fail(EIO);
    check_eq!(seen.called.load(SeqCst), 1);
    drop(kept);
    check_eq!(seen.called.load(SeqCst), 1);
    check!(FenceCallback::add(fence(), Call(seen.clone()))?.is_none());
    check_eq!(seen.called.load(SeqCst), 1);
    drop(job);
    settle();
    Ok(())
}

fn a_fence_knows_its_kind() -> TestResult {
    let context = FenceContext::new();
    let (job, seen) = job(&context)?;
    let fence = job.as_fence();
    check!(fence
        .downcast::<Job>()
        .is_some_and(|job| Arc::ptr_eq(&job.0, &seen)));
    check!(fence.downcast::<Other>().is_none());
    let stub = Fence::stub();
    check!(stub.is_signaled() && stub.downcast::<Job>().is_none());
    let other = DriverFence::new(&context, Other)?;
    check!(other.as_fence().downcast::<Other>().is_some());
    // A fence that is made of no others is its own leaf.
    let mut leaves = 0;
    check!(fence.for_each_leaf(|leaf| {
        leaves += u32::from(core::ptr::eq(leaf, fence));
        true
    }));
    check_eq!(leaves, 1);
    check!(!fence.for_each_leaf(|_| false));
    job.signal();
    check!(fence.downcast::<Job>().is_some());
    other.signal();
    drop((job, other));
    settle();
    Ok(())
}

selftests! {
    a_fence_is_signalled_once => [
        drm_core::fence::FenceContext, drm_core::fence::FenceContext::new, drm_core::fence::FenceContext::id,
        drm_core::fence::Fence, drm_core::fence::Fence::context, drm_core::fence::Fence::seqno,
        drm_core::fence::Fence::is_signaled, drm_core::fence::Fence::status,
        drm_core::fence::DriverFence, drm_core::fence::DriverFence::new, drm_core::fence::DriverFence::signal,
        drm_core::fence::DriverFence::fail, drm_core::fence::DriverFence::as_fence,
        drm_core::fence::Signalling, drm_core::fence::Signalling::begin, drm_core::fence::FenceOps,
        kernel_abi::sync::rcu::rcu_barrier,
    ];
    waiting_enables_signalling_once => [drm_core::fence::Fence::wait_timeout];
    a_fence_that_is_looked_at_is_signalled_when_it_is_over => [];
    callbacks_are_called_once_or_taken_back => [
        drm_core::fence::FenceCallback, drm_core::fence::FenceCallback::add, drm_core::fence::Callback,
    ];
    a_fence_knows_its_kind => [
        drm_core::fence::Fence::downcast, drm_core::fence::Fence::stub, drm_core::fence::Fence::for_each_leaf,
    ];
}
