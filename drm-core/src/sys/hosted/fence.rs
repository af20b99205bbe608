// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fences of a process.

use super::std::{
    cell::Cell,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread_local,
    time::{Duration, Instant},
};
use crate::fence::{Callback, FenceOps};
use core::{
    any::TypeId,
    ffi::CStr,
    mem::ManuallyDrop,
    ops::Deref,
    pin::Pin,
    ptr::NonNull,
    sync::atomic::{fence, AtomicU64, AtomicUsize, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{Error, Result},
    time::Jiffies,
    types::{ARef, AlwaysRefCounted, NotThreadSafe},
};

static CONTEXTS: AtomicU64 = AtomicU64::new(1);

/// A timeline: fences of it are over in the order of their sequence numbers.
pub struct FenceContext {
    id: u64,
    last: AtomicU64,
}

impl FenceContext {
    /// A new one (`dma_fence_context_alloc()`). Any context.
    #[allow(clippy::new_without_default)] // each one is another
    pub fn new() -> Self {
        Self {
            id: CONTEXTS.fetch_add(1, Ordering::Relaxed),
            last: AtomicU64::new(0),
        }
    }

    /// Names it among all timelines of the process.
    pub fn id(&self) -> u64 {
        self.id
    }

    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Whom to call.
struct Listener(NonNull<dyn Callback>);

// SAFETY: a `Callback` may be called by any thread.
unsafe impl Send for Listener {}

struct State {
    /// How it ended.
    ended: Option<Result>,
    /// Somebody waits: it is signalled without being asked.
    enabled: bool,
    /// Each lives until it is taken out.
    listeners: KVec<Listener>,
}

/// Looks at a fence; false ends it.
pub type Visit<'a> = dyn FnMut(&Fence) -> bool + 'a;

/// What a fence's type does.
struct VTable {
    kind: fn() -> TypeId,
    enable_signaling: unsafe fn(&Fence) -> bool,
    signaled: unsafe fn(&Fence) -> bool,
    /// Frees the memory after the last reference.
    free: unsafe fn(NonNull<Fence>),
    leaves: unsafe fn(&Fence, &mut Visit<'_>) -> bool,
}

/// A fence of anybody.
///
/// # Invariants
///
/// It is the beginning of what `vtable` is for.
pub struct Fence {
    references: AtomicUsize,
    vtable: &'static VTable,
    context: u64,
    seqno: u64,
    state: Mutex<State>,
    over: Condvar,
}

impl Fence {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that was signalled from the beginning (`dma_fence_get_stub()`).
    ///
    /// # Panics
    ///
    /// Without memory.
    pub fn stub() -> ARef<Self> {
        // PANIC: the kernel's is a static; here a few bytes are allocated.
        #[allow(clippy::expect_used)]
        let stub = DriverFence::new(&FenceContext::new(), Stub).expect("memory for a stub");
        stub.signal();
        ARef::from(stub.as_fence())
    }

    /// The timeline's [`FenceContext::id`].
    pub fn context(&self) -> u64 {
        self.context
    }

    /// The place on the timeline.
    pub fn seqno(&self) -> u64 {
        self.seqno
    }

    /// Whether it is over (`dma_fence_is_signaled()`). Any context.
    pub fn is_signaled(&self) -> bool {
        if self.state().ended.is_some() {
            return true;
        }
        // SAFETY: by the type invariant.
        if unsafe { (self.vtable.signaled)(self) } {
            self.end(Ok(()));
            return true;
        }
        false
    }

    /// How it ended, or None while it has not (`dma_fence_get_status()`). Any context.
    pub fn status(&self) -> Option<Result> {
        self.is_signaled();
        self.state().ended
    }

    /// Waits until it is over, at most so long; whether it is (`dma_fence_wait_timeout()`). Sleeps, and no signal ends it.
    ///
    /// # Panics
    ///
    /// In a debug build, on a path that [`Signalling`] marks: lockdep reports the same in the kernel.
    pub fn wait_timeout(&self, jiffies: Jiffies) -> bool {
        debug_assert!(
            !Signalling::is_marked(),
            "a wait where fences are signalled"
        );
        if self.is_signaled() {
            return true;
        }
        let mut state = self.enable(self.state());
        // A jiffy is a millisecond here.
        let limit = Duration::from_millis(jiffies);
        let deadline = Instant::now().checked_add(limit);
        while state.ended.is_none() {
            state = match deadline {
                None => {
                    let waited = self.over.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let waited = self.over.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    /// Sees to it that it is signalled without being asked.
    fn enable<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if state.ended.is_some() || core::mem::replace(&mut state.enabled, true) {
            return state;
        }
        // SAFETY: by the type invariant; called with the lock held.
        if !unsafe { (self.vtable.enable_signaling)(self) } {
            self.end_locked(&mut state, Ok(()));
        }
        state
    }

    fn end(&self, how: Result) -> bool {
        self.end_locked(&mut self.state(), how)
    }

    fn end_locked(&self, state: &mut State, how: Result) -> bool {
        if state.ended.is_some() {
            return false;
        }
        state.ended = Some(how);
        self.over.notify_all();
        while let Some(Listener(listener)) = state.listeners.pop() {
            // SAFETY: it lives until it is taken out, under the same lock.
            unsafe { listener.as_ref() }.signaled();
        }
        true
    }

    /// Calls `each` with each fence that this one is made of: those of a timeline point, or this one alone.
    /// Ends early when `each` says so by false, and then is false too.
    pub fn for_each_leaf(&self, mut each: impl FnMut(&Fence) -> bool) -> bool {
        // SAFETY: by the type invariant.
        unsafe { (self.vtable.leaves)(self, &mut each) }
    }

    /// The driver's view of it, when it is a fence of that kind.
    pub fn downcast<T: FenceOps>(&self) -> Option<&DriverFence<T>> {
        let is_kind = (self.vtable.kind)() == TypeId::of::<T>();
        // SAFETY: by the type invariant it is the beginning of that.
        is_kind.then(|| unsafe { &*core::ptr::from_ref(self).cast() })
    }
}

// SAFETY: the count is the number of `ARef`s, and the last one frees the memory.
unsafe impl AlwaysRefCounted for Fence {
    fn inc_ref(&self) {
        self.references.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller has a count, so that it is live.
        let (references, free) = unsafe { (&this.as_ref().references, this.as_ref().vtable.free) };
        if references.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: that was the last count.
            unsafe { free(this) };
        }
    }
}

/// A fence of a driver, with its data.
///
/// Who makes one sees to it that it is signalled, before the last reference goes.
///
/// # Invariants
///
/// Lives in a [`KBox`] that the last reference frees.
#[repr(C)]
pub struct DriverFence<T: FenceOps> {
    // First: both have the same address.
    base: Fence,
    /// Dropped before the fence, which its parts may still signal.
    data: ManuallyDrop<T>,
}

impl<T: FenceOps> Drop for DriverFence<T> {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { ManuallyDrop::drop(&mut self.data) };
    }
}

/// A fence that is made of others.
pub trait Parts: FenceOps {
    /// As [`Fence::for_each_leaf`].
    fn leaves(&self, each: &mut Visit<'_>) -> bool;
}

impl<T: FenceOps> DriverFence<T> {
    const VTABLE: VTable = VTable {
        kind: TypeId::of::<T>,
        enable_signaling: Self::enable_signaling,
        signaled: Self::signaled,
        free: Self::free,
        leaves: Self::itself,
    };

    /// A fence that comes next in `context`. Sleeps for memory: before anything is published.
    pub fn new(context: &FenceContext, data: T) -> Result<ARef<Self>> {
        Self::with(const { &Self::VTABLE }, context.id, context.next(), data)
    }

    fn with(vtable: &'static VTable, context: u64, seqno: u64, data: T) -> Result<ARef<Self>> {
        let fence = Self {
            base: Fence {
                references: AtomicUsize::new(1),
                vtable,
                context,
                seqno,
                state: Mutex::new(State {
                    ended: None,
                    enabled: false,
                    listeners: KVec::new(),
                }),
                over: Condvar::new(),
            },
            data: ManuallyDrop::new(data),
        };
        let raw = KBox::into_raw(KBox::new(fence, GFP_KERNEL)?);
        // SAFETY: a box is never null, and its first reference is taken over.
        Ok(unsafe { ARef::from_raw(NonNull::new_unchecked(raw)) })
    }

    /// Signals it: it is over, and went well. Whether this call did it. Any context, without the locks that
    /// [`enable_signaling`](FenceOps::enable_signaling) takes.
    pub fn signal(&self) -> bool {
        self.base.end(Ok(()))
    }

    /// Signals it: it is over, and `error` is why. As [`signal`](Self::signal).
    pub fn fail(&self, error: Error) -> bool {
        self.base.end(Err(error))
    }

    /// As everybody sees it.
    pub fn as_fence(&self) -> &Fence {
        &self.base
    }

    /// # Safety
    ///
    /// These are called with the beginning of a live `Self`, `free` with the last reference.
    unsafe fn enable_signaling(fence: &Fence) -> bool {
        // SAFETY: by this function's contract.
        T::enable_signaling(unsafe { &*core::ptr::from_ref(fence).cast() })
    }

    unsafe fn signaled(fence: &Fence) -> bool {
        // SAFETY: as above.
        T::signaled(unsafe { &*core::ptr::from_ref(fence).cast() })
    }

    unsafe fn free(fence: NonNull<Fence>) {
        // SAFETY: as above.
        drop(unsafe { KBox::<Self>::from_raw(fence.as_ptr().cast()) });
    }

    unsafe fn itself(fence: &Fence, each: &mut Visit<'_>) -> bool {
        each(fence)
    }
}

impl<T: Parts> DriverFence<T> {
    const VTABLE_OF_PARTS: VTable = VTable {
        leaves: Self::parts,
        ..Self::VTABLE
    };

    /// A fence that is made of others, with a number of its own.
    pub(super) fn of_parts(seqno: u64, data: T) -> Result<ARef<Self>> {
        let context = FenceContext::new().id;
        Self::with(const { &Self::VTABLE_OF_PARTS }, context, seqno, data)
    }

    unsafe fn parts(fence: &Fence, each: &mut Visit<'_>) -> bool {
        // SAFETY: by the contract of `enable_signaling`.
        let this: &Self = unsafe { &*core::ptr::from_ref(fence).cast() };
        this.data.leaves(each)
    }
}

impl<T: FenceOps> Deref for DriverFence<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

// SAFETY: as of `Fence`, which is at the same address.
unsafe impl<T: FenceOps> AlwaysRefCounted for DriverFence<T> {
    fn inc_ref(&self) {
        self.base.inc_ref();
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller gives up one count.
        unsafe { Fence::dec_ref(this.cast()) };
    }
}

struct Stub;

impl FenceOps for Stub {
    const DRIVER_NAME: &'static CStr = c"stub";

    fn timeline_name(&self) -> &CStr {
        c"stub"
    }
}

/// Somebody who wants to be called when a fence is signalled. Dropping it takes that back, and waits for a call that is under way.
pub struct FenceCallback<C: Callback> {
    fence: ARef<Fence>,
    target: C,
}

impl<C: Callback> FenceCallback<C> {
    /// Has `target` called when `fence` is signalled. None when it is already, and then nobody is called. Sleeps for memory.
    pub fn add(fence: ARef<Fence>, target: C) -> Result<Option<Pin<KBox<Self>>>> {
        let this = KBox::pin(Self { fence, target }, GFP_KERNEL)?;
        this.fence.is_signaled();
        let mut state = this.fence.enable(this.fence.state());
        if state.ended.is_some() {
            return Ok(None);
        }
        let target: NonNull<dyn Callback> = NonNull::from(&this.target);
        state.listeners.push(Listener(target), GFP_KERNEL)?;
        drop(state);
        Ok(Some(this))
    }
}

impl<C: Callback> Drop for FenceCallback<C> {
    fn drop(&mut self) {
        let mine = NonNull::from(&self.target).cast::<()>();
        let mut state = self.fence.state();
        let mut listeners = state.listeners.iter();
        if let Some(at) = listeners.position(|listener| listener.0.cast::<()>() == mine) {
            state.listeners.swap_remove(at);
        }
    }
}

thread_local! {
    /// Marks that nest in this thread.
    static MARKED: Cell<usize> = const { Cell::new(0) };
}

/// A path on which fences are signalled, until it is dropped (`dma_fence_begin_signalling()`). Nests.
#[must_use = "the path ends at once when this is not kept"]
pub struct Signalling(NotThreadSafe);

impl Signalling {
    /// Begins it. Any context.
    pub fn begin() -> Self {
        MARKED.set(MARKED.get() + 1);
        Self(NotThreadSafe)
    }

    fn is_marked() -> bool {
        MARKED.get() > 0
    }
}

impl Drop for Signalling {
    fn drop(&mut self) {
        MARKED.set(MARKED.get() - 1);
    }
}
