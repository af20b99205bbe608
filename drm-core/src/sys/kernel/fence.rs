// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `struct dma_fence`, others' and ours.
//!
//! C headers: `include/linux/dma-fence.h`, `include/linux/dma-fence-unwrap.h`.

use crate::fence::{Callback, FenceOps};
use core::{
    any::TypeId,
    ffi::{c_char, c_long},
    mem::{offset_of, zeroed},
    ops::Deref,
    pin::Pin,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    bindings,
    error::{
        code::{ENODEV, ENOENT},
        to_result, Error, Result,
    },
    time::Jiffies,
    types::{ARef, AlwaysRefCounted, NotThreadSafe, Opaque},
};

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
            // SAFETY: it counts.
            id: unsafe { bindings::dma_fence_context_alloc(1) },
            last: AtomicU64::new(0),
        }
    }

    /// Names it among all timelines of the machine.
    pub fn id(&self) -> u64 {
        self.id
    }

    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A fence of anybody.
#[repr(transparent)]
pub struct Fence(Opaque<bindings::dma_fence>);

// SAFETY: fences may be used and released by any task.
unsafe impl Send for Fence {}
// SAFETY: C's fences have a lock.
unsafe impl Sync for Fence {}

impl Fence {
    /// # Safety
    ///
    /// `raw` is a live fence for `'a`.
    pub(crate) unsafe fn from_raw<'a>(raw: *mut bindings::dma_fence) -> &'a Self {
        // SAFETY: the type is transparent.
        unsafe { &*raw.cast() }
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::dma_fence {
        self.0.get()
    }

    /// One that was signalled from the beginning (`dma_fence_get_stub()`).
    pub fn stub() -> ARef<Self> {
        // SAFETY: C gives a reference to a live fence, and never null.
        unsafe { ARef::from_raw(NonNull::new_unchecked(bindings::dma_fence_get_stub()).cast()) }
    }

    /// The timeline's [`FenceContext::id`].
    pub fn context(&self) -> u64 {
        // SAFETY: the fence is live, and this does not change.
        unsafe { (*self.as_raw()).context }
    }

    /// The place on the timeline.
    pub fn seqno(&self) -> u64 {
        // SAFETY: the fence is live, and this does not change.
        unsafe { (*self.as_raw()).seqno }
    }

    /// Whether it is over (`dma_fence_is_signaled()`). Any context.
    pub fn is_signaled(&self) -> bool {
        // SAFETY: the fence is live.
        unsafe { bindings::nova_dma_fence_is_signaled(self.as_raw()) }
    }

    /// How it ended, or None while it has not (`dma_fence_get_status()`). Any context.
    pub fn status(&self) -> Option<Result> {
        // SAFETY: the fence is live.
        match unsafe { bindings::dma_fence_get_status(self.as_raw()) } {
            0 => None,
            1.. => Some(Ok(())),
            error => Some(to_result(error)),
        }
    }

    /// Waits until it is over, at most so long; whether it is (`dma_fence_wait_timeout()`). Sleeps, and no signal ends it.
    pub fn wait_timeout(&self, jiffies: Jiffies) -> bool {
        let limit = c_long::try_from(jiffies).unwrap_or(c_long::MAX);
        // SAFETY: the fence is live.
        unsafe { bindings::dma_fence_wait_timeout(self.as_raw(), false, limit) > 0 }
    }

    /// Calls `each` with each fence that this one is made of: those of a timeline point, those of an array, or this one alone.
    /// Ends early when `each` says so by false, and then is false too.
    pub fn for_each_leaf(&self, mut each: impl FnMut(&Fence) -> bool) -> bool {
        // SAFETY: zeros are what C fills in.
        let mut cursor: bindings::dma_fence_unwrap = unsafe { zeroed() };
        // SAFETY: the fence is live; the cursor holds what it shows until it goes on.
        let mut leaf = unsafe { bindings::dma_fence_unwrap_first(self.as_raw(), &mut cursor) };
        while !leaf.is_null() {
            // SAFETY: as above.
            if !each(unsafe { Fence::from_raw(leaf) }) {
                // SAFETY: the cursor's reference is given back, as its end would do.
                unsafe { bindings::nova_dma_fence_put(cursor.chain) };
                return false;
            }
            // SAFETY: as above.
            leaf = unsafe { bindings::dma_fence_unwrap_next(&mut cursor) };
        }
        true
    }

    /// The driver's view of it, when it is a fence of that kind.
    pub fn downcast<T: FenceOps>(&self) -> Option<&DriverFence<T>> {
        // SAFETY: the fence is live. What is ours is some `DriverFence`, which all begin in the same way.
        unsafe {
            if !bindings::nova_dma_fence_is_ours(self.as_raw()) {
                return None;
            }
            let head = self.as_raw().cast::<Head>();
            ((*head).kind == TypeId::of::<T>()).then(|| &*head.cast::<DriverFence<T>>())
        }
    }
}

// SAFETY: C counts.
unsafe impl AlwaysRefCounted for Fence {
    fn inc_ref(&self) {
        // SAFETY: a reference shows that the count is not zero.
        unsafe { bindings::nova_dma_fence_get(self.as_raw()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller gives up one count.
        unsafe { bindings::nova_dma_fence_put(this.as_ptr().cast()) };
    }
}

/// How every [`DriverFence`] begins.
///
/// # Invariants
///
/// `kind` is that of the data that follows.
#[repr(C)]
struct Head {
    // First: C's fence is at the same address.
    fence: Opaque<bindings::nova_fence>,
    kind: TypeId,
}

/// A fence of a driver, with its data.
///
/// It keeps the module loaded. Who makes one sees to it that it is signalled, before the last reference goes.
///
/// # Invariants
///
/// The fence of `head` is initialised with [`Self::OPS`], and `data` is initialised.
#[repr(C)]
pub struct DriverFence<T: FenceOps> {
    head: Head,
    data: T,
}

// SAFETY: C's fences may be used by any task; the data is `Send`.
unsafe impl<T: FenceOps> Send for DriverFence<T> {}
// SAFETY: C's fences have a lock; the data is `Sync`.
unsafe impl<T: FenceOps> Sync for DriverFence<T> {}

impl<T: FenceOps> DriverFence<T> {
    const OPS: bindings::dma_fence_ops = {
        // SAFETY: all fields may be zero: pointers that C takes as absent, and flags.
        let mut ops: bindings::dma_fence_ops = unsafe { zeroed() };
        ops.get_driver_name = Some(driver_name::<T>);
        ops.get_timeline_name = Some(timeline_name::<T>);
        ops.enable_signaling = Some(enable_signaling::<T>);
        ops.signaled = Some(signaled::<T>);
        ops.release = Some(bindings::nova_fence_release);
        ops
    };

    /// A fence that comes next in `context`. Sleeps for memory: before anything is published. `ENODEV` while the module is unloaded.
    pub fn new(context: &FenceContext, data: T) -> Result<ARef<Self>> {
        const { assert!(offset_of!(bindings::nova_fence, base) == 0 && offset_of!(Head, fence) == 0) };
        let memory = KBox::<Self>::new_uninit(GFP_KERNEL)?;
        let this = KBox::into_raw(memory).cast::<Self>();
        // SAFETY: the memory has room for `Self` and does not move; nobody else knows it.
        unsafe {
            (&raw mut (*this).data).write(data);
            (&raw mut (*this).head.kind).write(TypeId::of::<T>());
            let fence = (&raw mut (*this).head.fence).cast();
            let ops = const { &Self::OPS };
            if !bindings::nova_fence_init(fence, ops, Some(Self::free), context.id, context.next())
            {
                drop(KBox::from_raw(this));
                return Err(ENODEV);
            }
            Ok(ARef::from_raw(NonNull::new_unchecked(this)))
        }
    }

    /// Signals it: it is over, and went well. Whether this call did it. Any context, without the locks that
    /// [`enable_signaling`](FenceOps::enable_signaling) takes.
    pub fn signal(&self) -> bool {
        // SAFETY: the fence is live.
        unsafe { bindings::nova_fence_signal(self.head.fence.get(), 0) }
    }

    /// Signals it: it is over, and `error` is why. As [`signal`](Self::signal).
    pub fn fail(&self, error: Error) -> bool {
        // SAFETY: the fence is live; an error is a negative errno.
        unsafe { bindings::nova_fence_signal(self.head.fence.get(), error.to_errno()) }
    }

    /// As everybody sees it.
    pub fn as_fence(&self) -> &Fence {
        // SAFETY: the C fence comes first.
        unsafe { Fence::from_raw(self.head.fence.get().cast()) }
    }

    unsafe extern "C" fn free(fence: *mut bindings::nova_fence) {
        // SAFETY: the last reference to a `Self` is gone, and so are those who only looked.
        drop(unsafe { KBox::<Self>::from_raw(fence.cast()) });
    }
}

impl<T: FenceOps> Deref for DriverFence<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

// SAFETY: C counts, and `Self` lives in the same allocation.
unsafe impl<T: FenceOps> AlwaysRefCounted for DriverFence<T> {
    fn inc_ref(&self) {
        self.as_fence().inc_ref();
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller gives up one count.
        unsafe { bindings::nova_dma_fence_put(this.as_ptr().cast()) };
    }
}

/// # Safety
///
/// DRM core calls these with a live fence of this kind.
unsafe extern "C" fn driver_name<T: FenceOps>(_fence: *mut bindings::dma_fence) -> *const c_char {
    T::DRIVER_NAME.as_ptr()
}

unsafe extern "C" fn timeline_name<T: FenceOps>(fence: *mut bindings::dma_fence) -> *const c_char {
    // SAFETY: by the contract of `driver_name`.
    unsafe { (*fence.cast::<DriverFence<T>>()).data.timeline_name() }.as_ptr()
}

unsafe extern "C" fn enable_signaling<T: FenceOps>(fence: *mut bindings::dma_fence) -> bool {
    // SAFETY: as above.
    T::enable_signaling(unsafe { &*fence.cast::<DriverFence<T>>() })
}

unsafe extern "C" fn signaled<T: FenceOps>(fence: *mut bindings::dma_fence) -> bool {
    // SAFETY: as above.
    T::signaled(unsafe { &*fence.cast::<DriverFence<T>>() })
}

/// Somebody who wants to be called when a fence is signalled. Dropping it takes that back, and waits for a call that is under way.
///
/// # Invariants
///
/// `entry` was added to `fence` with [`Self::trampoline`], or is initialised and on no list.
#[repr(C)]
pub struct FenceCallback<C: Callback> {
    // First: C gives its address to the trampoline.
    entry: Opaque<bindings::dma_fence_cb>,
    fence: ARef<Fence>,
    target: C,
}

// SAFETY: the entry is added and removed under the fence's lock, by any task.
unsafe impl<C: Callback> Send for FenceCallback<C> {}
// SAFETY: there is nothing to do with a shared reference but to use the target, which is `Sync`.
unsafe impl<C: Callback> Sync for FenceCallback<C> {}

impl<C: Callback> FenceCallback<C> {
    /// Has `target` called when `fence` is signalled. None when it is already, and then nobody is called. Sleeps for memory.
    pub fn add(fence: ARef<Fence>, target: C) -> Result<Option<Pin<KBox<Self>>>> {
        let this = KBox::pin(
            Self {
                entry: Opaque::zeroed(),
                fence,
                target,
            },
            GFP_KERNEL,
        )?;
        // SAFETY: the entry does not move, and is removed before its memory goes.
        let added = unsafe {
            bindings::dma_fence_add_callback(
                this.fence.as_raw(),
                this.entry.get(),
                Some(Self::trampoline),
            )
        };
        match to_result(added) {
            Ok(()) => Ok(Some(this)),
            Err(error) if error == ENOENT => Ok(None),
            Err(error) => Err(error),
        }
    }

    unsafe extern "C" fn trampoline(
        _fence: *mut bindings::dma_fence,
        entry: *mut bindings::dma_fence_cb,
    ) {
        // SAFETY: the entry is the first field of a live `Self`, whose drop waits for the fence's lock.
        unsafe { (*entry.cast::<Self>()).target.signaled() };
    }
}

impl<C: Callback> Drop for FenceCallback<C> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; C has initialised the entry in either case, and takes the fence's lock.
        unsafe { bindings::dma_fence_remove_callback(self.fence.as_raw(), self.entry.get()) };
    }
}

/// A path on which fences are signalled, until it is dropped (`dma_fence_begin_signalling()`). Nests.
#[must_use = "the path ends at once when this is not kept"]
pub struct Signalling {
    cookie: bool,
    _task: NotThreadSafe,
}

impl Signalling {
    /// Begins it. Any context.
    pub fn begin() -> Self {
        Self {
            // SAFETY: it may be called in any context.
            cookie: unsafe { bindings::nova_dma_fence_begin_signalling() },
            _task: NotThreadSafe,
        }
    }
}

impl Drop for Signalling {
    fn drop(&mut self) {
        // SAFETY: it ends what was begun, in the same task.
        unsafe { bindings::nova_dma_fence_end_signalling(self.cookie) };
    }
}

/// A fence out of C's hands: takes over a reference, unless there is none.
///
/// # Safety
///
/// `raw` is null, or a live fence with a reference that is given to the caller.
pub(super) unsafe fn take(raw: *mut bindings::dma_fence) -> Option<ARef<Fence>> {
    let raw = NonNull::new(raw)?.cast();
    // SAFETY: by this function's contract.
    Some(unsafe { ARef::from_raw(raw) })
}
