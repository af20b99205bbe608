// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Sync objects of a process, and what DRM core's ioctls do with them.

use super::{
    fence::{DriverFence, Fence, FenceCallback, Parts, Visit},
    file::File,
    std::sync::{Mutex, MutexGuard, PoisonError},
};
use crate::{
    driver::Driver,
    fence::{Callback, FenceOps},
    file::DriverFile,
};
use core::{
    ffi::CStr,
    pin::Pin,
    ptr::NonNull,
    sync::atomic::{fence, AtomicUsize, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{
        code::{EINVAL, EOPNOTSUPP, ETIME},
        Result,
    },
    time::Jiffies,
    types::{ARef, AlwaysRefCounted},
};

/// A point on a timeline, and those below it.
struct Point {
    number: u64,
    fence: ARef<Fence>,
    below: Option<KBox<Point>>,
}

#[derive(Default)]
struct State {
    /// What was put there before any point.
    base: Option<ARef<Fence>>,
    last: Option<KBox<Point>>,
}

impl State {
    fn points(&self) -> impl Iterator<Item = &Point> {
        core::iter::successors(self.last.as_deref(), |point| point.below.as_deref())
    }
}

impl Drop for State {
    /// One after the other, not nested.
    fn drop(&mut self) {
        let mut next = self.last.take();
        while let Some(mut point) = next {
            next = point.below.take();
        }
    }
}

/// A sync object.
pub struct SyncObj {
    references: AtomicUsize,
    state: Mutex<State>,
}

impl SyncObj {
    fn new() -> Result<ARef<Self>> {
        let object = Self {
            references: AtomicUsize::new(1),
            state: Mutex::new(State::default()),
        };
        let raw = KBox::into_raw(KBox::new(object, GFP_KERNEL)?);
        // SAFETY: a box is never null, and its first reference is taken over.
        Ok(unsafe { ARef::from_raw(NonNull::new_unchecked(raw)) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sync object behind a handle of `file` (`drm_syncobj_find()`); `ENOENT` when there is none.
    pub fn lookup_handle<F: DriverFile>(file: &File<F>, handle: u32) -> Result<ARef<Self>> {
        file.syncobjs.lock().get(handle).cloned()
    }

    /// The fence that is over when point `point` of a handle's sync object is; 0 for a binary one, or all points
    /// (`drm_syncobj_find_fence()`). `ENOENT` for an unknown handle, `EINVAL` when there is no such point yet.
    pub fn find_fence<F: DriverFile>(
        file: &File<F>,
        handle: u32,
        point: u64,
    ) -> Result<ARef<Fence>> {
        Self::lookup_handle(file, handle)?.at(point)
    }

    fn at(&self, point: u64) -> Result<ARef<Fence>> {
        let state = self.state();
        let last = state.points().next().map_or(0, |last| last.number);
        if (state.base.is_none() && state.last.is_none()) || last < point {
            return Err(EINVAL);
        }
        // The lowest point that is not below the one asked for, and all below that.
        let numbers = state.points().map(|at| at.number);
        let reached = numbers.filter(|number| *number >= point).min();
        let upto = if point == 0 {
            last
        } else {
            reached.unwrap_or(last)
        };
        let mut parts: KVec<ARef<Fence>> = KVec::new();
        let below = state.points().filter(|at| at.number <= upto);
        for fence in below.map(|at| &at.fence).chain(&state.base) {
            if !fence.is_signaled() || (point == 0 && parts.is_empty()) {
                parts.push(fence.clone(), GFP_KERNEL)?;
            }
        }
        drop(state);
        match parts.len() {
            0 => Ok(Fence::stub()),
            1 => parts.pop().ok_or(EINVAL),
            _ => All::of(upto, parts),
        }
    }

    /// Holds this fence from now on, instead of what it held (`drm_syncobj_replace_fence()`).
    pub fn replace_fence(&self, fence: Option<&Fence>) {
        let state = State {
            base: fence.map(ARef::from),
            last: None,
        };
        // What it held is dropped without the lock.
        let held = core::mem::replace(&mut *self.state(), state);
        drop(held);
    }

    /// Adds `point` with its fence to a timeline (`drm_syncobj_add_point()`). A point that is not above the last one counts as that
    /// one. Does not fail.
    pub fn add_point(&self, chain: FenceChain, fence: &Fence, point: u64) {
        let mut state = self.state();
        let below = state.last.take();
        let last = below.as_ref().map_or(0, |last| last.number);
        let point = Point {
            number: point.max(last),
            fence: ARef::from(fence),
            below,
        };
        state.last = Some(chain.0.write(point));
    }

    /// The last point that is over.
    fn value(&self) -> u64 {
        let state = self.state();
        let mut over = 0;
        let mut points: KVec<(u64, bool)> = KVec::new();
        for point in state.points() {
            // Without memory it looks as if less was over, which is always true.
            if points
                .push((point.number, point.fence.is_signaled()), GFP_KERNEL)
                .is_err()
            {
                return 0;
            }
        }
        for (number, is_over) in points.iter().rev() {
            if !is_over {
                break;
            }
            over = *number;
        }
        over
    }
}

// SAFETY: the count is the number of `ARef`s, and the last one frees the memory.
unsafe impl AlwaysRefCounted for SyncObj {
    fn inc_ref(&self) {
        self.references.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller has a count, so that it is live.
        let references = unsafe { &this.as_ref().references };
        if references.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: that was the last count.
            drop(unsafe { KBox::<Self>::from_raw(this.as_ptr()) });
        }
    }
}

/// Memory for a point on a timeline, to be allocated before that can no longer fail.
pub struct FenceChain(KBox<core::mem::MaybeUninit<Point>>);

impl FenceChain {
    /// Allocates it (`dma_fence_chain_alloc()`). Sleeps.
    pub fn new() -> Result<Self> {
        Ok(Self(KBox::new_uninit(GFP_KERNEL)?))
    }
}

/// A fence that is over when all its parts are.
struct All {
    parts: KVec<ARef<Fence>>,
    /// Parts that are not over, and one more until all are watched.
    left: AtomicUsize,
    watches: Mutex<KVec<Pin<KBox<FenceCallback<Watch>>>>>,
}

/// A part's end. The fence takes its watches back before it goes.
struct Watch(NonNull<DriverFence<All>>);

// SAFETY: a fence may be used by any thread.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Callback for Watch {
    fn signaled(&self) {
        // SAFETY: the fence lives: see there.
        All::part_is_over(unsafe { self.0.as_ref() });
    }
}

impl All {
    fn of(point: u64, parts: KVec<ARef<Fence>>) -> Result<ARef<Fence>> {
        let count = parts.len();
        let all = Self {
            parts,
            left: AtomicUsize::new(count + 1),
            watches: Mutex::new(KVec::with_capacity(count, GFP_KERNEL)?),
        };
        let all = DriverFence::of_parts(point, all)?;
        for part in &all.parts {
            let watch = FenceCallback::add(part.clone(), Watch(NonNull::from(&*all)))?;
            match watch {
                Some(watch) => {
                    let mut watches = all.watches.lock().unwrap_or_else(PoisonError::into_inner);
                    watches.push(watch, GFP_KERNEL)?;
                }
                None => Self::part_is_over(&all),
            }
        }
        Self::part_is_over(&all);
        Ok(ARef::from(all.as_fence()))
    }

    fn part_is_over(all: &DriverFence<Self>) {
        if all.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            all.signal();
        }
    }
}

impl FenceOps for All {
    const DRIVER_NAME: &'static CStr = c"fence-chain";

    fn timeline_name(&self) -> &CStr {
        c"unbound"
    }
}

impl Parts for All {
    fn leaves(&self, each: &mut Visit<'_>) -> bool {
        self.parts.iter().all(|part| part.for_each_leaf(&mut *each))
    }
}

/// What programs do by DRM core's ioctls.
impl<F: DriverFile> File<F> {
    /// Makes a sync object, whose fence is over already when `signaled` (`DRM_IOCTL_SYNCOBJ_CREATE`). `EOPNOTSUPP` from a driver
    /// without.
    pub fn syncobj_create(&self, signaled: bool) -> Result<u32> {
        if !F::Driver::FEAT_SYNCOBJ {
            return Err(EOPNOTSUPP);
        }
        let object = SyncObj::new()?;
        if signaled {
            object.replace_fence(Some(&Fence::stub()));
        }
        self.syncobjs.lock().insert(object)
    }

    /// Gives a handle up (`DRM_IOCTL_SYNCOBJ_DESTROY`); `EINVAL` for an unknown one.
    pub fn syncobj_destroy(&self, handle: u32) -> Result {
        let object = self.syncobjs.lock().remove(handle).map_err(|_| EINVAL)?;
        drop(object);
        Ok(())
    }

    /// Puts a fence there that is over (`DRM_IOCTL_SYNCOBJ_SIGNAL`).
    pub fn syncobj_signal(&self, handle: u32) -> Result {
        SyncObj::lookup_handle(self, handle)?.replace_fence(Some(&Fence::stub()));
        Ok(())
    }

    /// Takes the fence away (`DRM_IOCTL_SYNCOBJ_RESET`).
    pub fn syncobj_reset(&self, handle: u32) -> Result {
        SyncObj::lookup_handle(self, handle)?.replace_fence(None);
        Ok(())
    }

    /// Adds a point that is over (`DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL`). `EOPNOTSUPP` from a driver without timelines.
    pub fn syncobj_timeline_signal(&self, handle: u32, point: u64) -> Result {
        if !F::Driver::FEAT_SYNCOBJ_TIMELINE {
            return Err(EOPNOTSUPP);
        }
        let object = SyncObj::lookup_handle(self, handle)?;
        object.add_point(FenceChain::new()?, &Fence::stub(), point);
        Ok(())
    }

    /// The last point that is over (`DRM_IOCTL_SYNCOBJ_QUERY`). `EOPNOTSUPP` from a driver without timelines.
    pub fn syncobj_query(&self, handle: u32) -> Result<u64> {
        if !F::Driver::FEAT_SYNCOBJ_TIMELINE {
            return Err(EOPNOTSUPP);
        }
        Ok(SyncObj::lookup_handle(self, handle)?.value())
    }

    /// Puts the fence of a point of one object, or of a binary one, to a point of another, or a binary one
    /// (`DRM_IOCTL_SYNCOBJ_TRANSFER`).
    pub fn syncobj_transfer(&self, from: u32, from_point: u64, to: u32, to_point: u64) -> Result {
        let to = SyncObj::lookup_handle(self, to)?;
        let fence = SyncObj::find_fence(self, from, from_point)?;
        match to_point {
            0 => to.replace_fence(Some(&fence)),
            point => to.add_point(FenceChain::new()?, &fence, point),
        }
        Ok(())
    }

    /// Waits for a point, or 0 for a binary one, at most so long (`DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT`). Sleeps. `ETIME` when it is not over
    /// then, `EINVAL` when there is none.
    pub fn syncobj_wait(&self, handle: u32, point: u64, jiffies: Jiffies) -> Result {
        let fence = SyncObj::find_fence(self, handle, point)?;
        if fence.wait_timeout(jiffies) {
            return Ok(());
        }
        Err(ETIME)
    }

    /// Gives `other` a handle to the same sync object (`DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD` and back).
    pub fn syncobj_share(&self, handle: u32, other: &Self) -> Result<u32> {
        let object = SyncObj::lookup_handle(self, handle)?;
        other.syncobjs.lock().insert(object)
    }
}
