// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A box whose allocation may fail.
#![allow(unsafe_code)] // owns raw memory

use super::{AllocError, Flags};
use crate::{error::Error, sys};
use core::{
    alloc::Layout,
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    pin::Pin,
    ptr::{self, NonNull},
};
use pinned_init::{Init, PinInit};

/// Owns a value on the heap.
///
/// # Invariants
///
/// `ptr` is an allocation of `sys::alloc` for `T`'s layout, dangling for a type without size, and
/// holds a valid value.
pub struct KBox<T> {
    ptr: NonNull<T>,
    _owns: PhantomData<T>,
}

// SAFETY: it owns its value.
unsafe impl<T: Send> Send for KBox<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for KBox<T> {}

impl<T> KBox<T> {
    /// Puts `value` on the heap.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        let memory = Self::new_uninit(flags)?;
        Ok(memory.write(value))
    }

    /// Memory for a value.
    pub fn new_uninit(flags: Flags) -> Result<KBox<MaybeUninit<T>>, AllocError> {
        let layout = Layout::new::<T>();
        let ptr = if layout.size() == 0 {
            NonNull::dangling()
        } else {
            sys::alloc::alloc(layout, flags)?.cast()
        };
        Ok(KBox {
            ptr,
            _owns: PhantomData,
        })
    }

    /// Puts `value` on the heap, where it stays in place.
    pub fn pin(value: T, flags: Flags) -> Result<Pin<Self>, AllocError> {
        Ok(Self::new(value, flags)?.into())
    }

    /// Initialises a value in place.
    pub fn init<E>(init: impl Init<T, E>, flags: Flags) -> Result<Self, Error>
    where
        Error: From<E>,
    {
        let memory = Self::new_uninit(flags)?;
        // SAFETY: the memory is for a `T`; on an error it is freed as uninitialised.
        unsafe {
            init.__init(memory.ptr.as_ptr().cast())?;
            Ok(memory.assume_init())
        }
    }

    /// Initialises a pinned value in place.
    pub fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Pin<Self>, Error>
    where
        Error: From<E>,
    {
        let memory = Self::new_uninit(flags)?;
        // SAFETY: as in `init`; the value is pinned from here on.
        unsafe {
            init.__pinned_init(memory.ptr.as_ptr().cast())?;
            Ok(memory.assume_init().into())
        }
    }

    /// Gives the allocation to the caller.
    pub fn into_raw(this: Self) -> *mut T {
        ManuallyDrop::new(this).ptr.as_ptr()
    }

    /// Takes an allocation back.
    ///
    /// # Safety
    ///
    /// `raw` is from [`KBox::into_raw`] and is not used any more.
    pub unsafe fn from_raw(raw: *mut T) -> Self {
        Self {
            // SAFETY: `into_raw` gives no null pointer.
            ptr: unsafe { NonNull::new_unchecked(raw) },
            _owns: PhantomData,
        }
    }

    /// Takes the value out of the box.
    pub fn into_inner(this: Self) -> T {
        let this = ManuallyDrop::new(this);
        // SAFETY: by the type invariant; afterwards the memory is freed and not dropped.
        unsafe {
            let value = this.ptr.as_ptr().read();
            free(this.ptr);
            value
        }
    }
}

impl<T> KBox<MaybeUninit<T>> {
    /// Fills the memory.
    pub fn write(mut self, value: T) -> KBox<T> {
        MaybeUninit::write(&mut *self, value);
        // SAFETY: just written.
        unsafe { self.assume_init() }
    }

    /// Says that the memory holds a value.
    ///
    /// # Safety
    ///
    /// It does.
    pub unsafe fn assume_init(self) -> KBox<T> {
        let raw = KBox::into_raw(self);
        // SAFETY: the same allocation, with a valid value by this function's contract.
        unsafe { KBox::from_raw(raw.cast()) }
    }
}

/// # Safety
///
/// `ptr` is an allocation for `T` whose value is gone.
unsafe fn free<T>(ptr: NonNull<T>) {
    let layout = Layout::new::<T>();
    if layout.size() != 0 {
        // SAFETY: by this function's contract.
        unsafe { sys::alloc::free(ptr.cast(), layout) };
    }
}

impl<T> Drop for KBox<T> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        unsafe {
            ptr::drop_in_place(self.ptr.as_ptr());
            free(self.ptr);
        }
    }
}

impl<T> Deref for KBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the type invariant.
        unsafe { self.ptr.as_ref() }
    }
}

impl<T> DerefMut for KBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by the type invariant.
        unsafe { self.ptr.as_mut() }
    }
}

impl<T> From<KBox<T>> for Pin<KBox<T>> {
    fn from(boxed: KBox<T>) -> Self {
        // SAFETY: the value does not move with the box.
        unsafe { Pin::new_unchecked(boxed) }
    }
}

impl<T: fmt::Debug> fmt::Debug for KBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

#[cfg(all(test, home = "hosted"))]
pub(super) mod tests {
    extern crate std;

    use super::*;
    use crate::{alloc::flags::GFP_KERNEL, error::code::EBUSY};
    use core::{alloc::GlobalAlloc, cell::Cell};
    use pinned_init::{init_from_closure, pin_init_from_closure};
    use std::alloc::System;

    std::thread_local! {
        // Without a destructor and known at compile time: using it does not allocate.
        static LIVE: Cell<isize> = const { Cell::new(0) };
    }

    /// The system's allocator; counts what each thread has not freed yet.
    struct Counting;

    fn live(change: isize) {
        // A thread that ends has no count any more, and nobody who asks for it.
        let _ = LIVE.try_with(|live| live.set(live.get() + change));
    }

    // SAFETY: every call goes to `System` as it came.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: by this function's contract.
            let memory = unsafe { System.alloc(layout) };
            live(isize::from(!memory.is_null()));
            memory
        }

        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            live(-1);
            // SAFETY: by this function's contract.
            unsafe { System.dealloc(memory, layout) };
        }

        unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: by this function's contract.
            unsafe { System.realloc(memory, layout, size) }
        }
    }

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    /// How many more allocations this thread has after `work` than before.
    pub(in crate::alloc) fn kept_by(work: impl FnOnce()) -> isize {
        let before = LIVE.get();
        work();
        LIVE.get() - before
    }

    /// Counts how often it is dropped.
    struct Counted<'a>(&'a Cell<u32>);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    std::thread_local! {
        static SIZELESS_DROPS: Cell<u32> = const { Cell::new(0) };
    }

    struct Sizeless;

    impl Drop for Sizeless {
        fn drop(&mut self) {
            SIZELESS_DROPS.set(SIZELESS_DROPS.get() + 1);
        }
    }

    #[repr(align(256))]
    struct Aligned(u8);

    #[test]
    fn a_value_is_dropped_once_with_its_box() {
        let drops = Cell::new(0);
        let boxed = KBox::new(Counted(&drops), GFP_KERNEL).unwrap();
        assert_eq!(drops.get(), 0);
        drop(boxed);
        assert_eq!(drops.get(), 1);
        drop(KBox::pin(Counted(&drops), GFP_KERNEL).unwrap());
        assert_eq!(drops.get(), 2);
        drop(KBox::<Counted<'_>>::new_uninit(GFP_KERNEL).unwrap());
        assert_eq!(drops.get(), 2, "memory without a value");
    }

    #[test]
    fn a_value_that_is_taken_out_is_the_takers() {
        let drops = Cell::new(0);
        let value = KBox::into_inner(KBox::new(Counted(&drops), GFP_KERNEL).unwrap());
        assert_eq!(drops.get(), 0);
        drop(value);
        assert_eq!(drops.get(), 1);
        let raw = KBox::into_raw(KBox::new(Counted(&drops), GFP_KERNEL).unwrap());
        assert_eq!(drops.get(), 1);
        // SAFETY: from the line above.
        drop(unsafe { KBox::from_raw(raw) });
        assert_eq!(drops.get(), 2);
    }

    #[test]
    fn types_without_size_are_dropped_too() {
        drop(KBox::new(Sizeless, GFP_KERNEL).unwrap());
        assert_eq!(SIZELESS_DROPS.get(), 1);
        let value = KBox::into_inner(KBox::new(Sizeless, GFP_KERNEL).unwrap());
        assert_eq!(SIZELESS_DROPS.get(), 1);
        drop(value);
        assert_eq!(SIZELESS_DROPS.get(), 2);
    }

    #[test]
    fn values_are_aligned_and_can_be_changed() {
        let mut boxes = std::vec::Vec::new();
        for value in 0..16 {
            let mut boxed = KBox::new(Aligned(value), GFP_KERNEL).unwrap();
            assert_eq!(ptr::from_ref(&*boxed).addr() % 256, 0);
            boxed.0 += 1;
            boxes.push(boxed);
        }
        for (value, boxed) in (1..).zip(&boxes) {
            assert_eq!(boxed.0, value);
        }
    }

    #[test]
    fn an_initialiser_that_fails_leaves_nothing_to_drop() {
        let drops = Cell::new(0);
        let seen = Cell::new(ptr::null_mut());
        let failing = |slot: *mut Counted<'_>| {
            seen.set(slot.cast::<u8>());
            Err(EBUSY)
        };
        // SAFETY: they fail, and leave nothing initialised.
        let (init, pin) = unsafe { (init_from_closure(failing), pin_init_from_closure(failing)) };
        assert_eq!(
            KBox::<Counted<'_>>::init(init, GFP_KERNEL).err(),
            Some(EBUSY)
        );
        assert!(!seen.replace(ptr::null_mut()).is_null());
        assert_eq!(
            KBox::<Counted<'_>>::pin_init(pin, GFP_KERNEL).err(),
            Some(EBUSY)
        );
        assert!(!seen.get().is_null());
        assert_eq!(drops.get(), 0);
        // One that succeeds is dropped as usual.
        let filled = KBox::<Counted<'_>>::pin_init::<Error>(Ok(Counted(&drops)), GFP_KERNEL);
        drop(filled.unwrap());
        assert_eq!(drops.get(), 1);
    }

    #[test]
    fn the_memory_of_a_box_is_freed_on_every_way_out() {
        let boxed = || KBox::new(7u64, GFP_KERNEL).unwrap();
        let mut raw = ptr::null_mut();
        assert_eq!(kept_by(|| raw = KBox::into_raw(boxed())), 1);
        // SAFETY: from the line above.
        assert_eq!(kept_by(|| drop(unsafe { KBox::from_raw(raw) })), -1);
        assert_eq!(kept_by(|| drop(boxed())), 0);
        assert_eq!(kept_by(|| assert_eq!(KBox::into_inner(boxed()), 7)), 0);
        assert_eq!(kept_by(|| drop(KBox::<u64>::new_uninit(GFP_KERNEL))), 0);
        let fails = || {
            assert!(KBox::<u64>::init(Err(EBUSY), GFP_KERNEL).is_err());
            assert!(KBox::<u64>::pin_init(Err(EBUSY), GFP_KERNEL).is_err());
        };
        assert_eq!(kept_by(fails), 0);
        let sizeless = || core::mem::forget(KBox::new((), GFP_KERNEL));
        assert_eq!(kept_by(sizeless), 0, "nothing is allocated");
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        // More than an address space has.
        type Huge = [u8; 1 << 60];
        assert!(KBox::<Huge>::new_uninit(GFP_KERNEL).is_err());
    }
}
