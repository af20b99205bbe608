// SPDX-License-Identifier: GPL-2.0 OR MIT
#![allow(unsafe_code)] // goes through raw pointers

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

#[test]
fn every_allocator_aligns_and_frees() {
    use crate::alloc::{KVBox, VBox, Vmalloc};
    let work = || {
        let (kv, v) = (
            KVBox::new(Aligned(1), GFP_KERNEL).unwrap(),
            VBox::new(7u8, GFP_KERNEL).unwrap(),
        );
        assert_eq!(ptr::from_ref(&*kv).addr() % 256, 0);
        assert_eq!(ptr::from_ref(&*v).addr() % Vmalloc::MIN_ALIGN, 0);
        assert_eq!((kv.0, *v), (1, 7));
    };
    assert_eq!(kept_by(work), 0);
}

#[test]
fn contents_may_be_dropped_and_the_memory_used_again() {
    let drops = Cell::new(0);
    let boxed = KBox::new(Counted(&drops), GFP_KERNEL).unwrap();
    let at = ptr::from_ref(&*boxed);
    let memory = KBox::drop_contents(boxed);
    assert_eq!(drops.get(), 1);
    let again = memory.write(Counted(&drops));
    assert!(ptr::eq(&*again, at));
    drop(again);
    assert_eq!(drops.get(), 2);
    assert_eq!(*KBox::leak(KBox::new((), GFP_KERNEL).unwrap()), ());
}

#[test]
fn a_box_may_be_of_a_trait_object() {
    let drops = Cell::new(0);
    trait Counts {
        fn drops(&self) -> u32;
    }
    impl Counts for Counted<'_> {
        fn drops(&self) -> u32 {
            self.0.get()
        }
    }
    let work = || {
        let boxed = KBox::new(Counted(&drops), GFP_KERNEL).unwrap();
        let raw = KBox::into_raw(boxed) as *mut dyn Counts;
        // SAFETY: from the line above.
        let object = unsafe { KBox::<dyn Counts>::from_raw(raw) };
        assert_eq!(object.drops(), 0);
    };
    assert_eq!((kept_by(work), drops.get()), (0, 1));
}

#[test]
fn c_keeps_boxes() {
    use crate::types::ForeignOwnable;
    assert_eq!(KBox::<u8>::FOREIGN_ALIGN, 8);
    assert_eq!(<Pin<KBox<Aligned>>>::FOREIGN_ALIGN, 256);
    assert_eq!(KBox::<()>::FOREIGN_ALIGN, 1);
    let drops = Cell::new(0);
    type Owner<'a> = Pin<KBox<Counted<'a>>>;
    let foreign = KBox::pin(Counted(&drops), GFP_KERNEL)
        .unwrap()
        .into_foreign();
    // SAFETY: from the line above; lent before it is taken back.
    unsafe {
        assert_eq!(<Owner<'_> as ForeignOwnable>::borrow(foreign).0.get(), 0);
        assert_eq!(
            <Owner<'_> as ForeignOwnable>::borrow_mut(foreign).0.get(),
            0
        );
        drop(Owner::<'_>::from_foreign(foreign));
    }
    assert_eq!(drops.get(), 1);
}
