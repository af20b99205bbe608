// SPDX-License-Identifier: GPL-2.0 OR MIT
#![allow(unsafe_code)] // goes through raw pointers

extern crate std;

use super::*;
use crate::alloc::{flags::GFP_KERNEL, kbox::tests::kept_by};
use std::rc::Rc;

#[test]
fn an_empty_vector_has_no_memory() {
    let mut vec = KVec::<u64>::new();
    assert_eq!((vec.len(), vec.capacity()), (0, 0));
    assert_eq!((vec.pop(), vec.swap_remove(0)), (None, None));
    vec.reserve(0, GFP_KERNEL).unwrap();
    assert_eq!(vec.capacity(), 0);
    assert_eq!(
        KVec::<u8>::with_capacity(0, GFP_KERNEL).unwrap().capacity(),
        0
    );
    assert_eq!(
        KVec::<u8>::with_capacity(9, GFP_KERNEL).unwrap().capacity(),
        9
    );
}

#[test]
fn reserved_room_is_used_before_it_moves() {
    let mut vec = KVec::new();
    vec.reserve(100, GFP_KERNEL).unwrap();
    let (capacity, at) = (vec.capacity(), vec.as_ptr());
    assert!(capacity >= 100);
    for value in 0..100u32 {
        vec.push(value, GFP_KERNEL).unwrap();
    }
    vec.clear();
    vec.extend_from_slice(&[7; 100], GFP_KERNEL).unwrap();
    assert_eq!((vec.capacity(), vec.as_ptr()), (capacity, at));
}

#[test]
fn room_that_cannot_be_had_is_an_error_and_changes_nothing() {
    let mut vec = KVec::new();
    vec.extend_from_slice(&[1u64, 2, 3], GFP_KERNEL).unwrap();
    let capacity = vec.capacity();
    for additional in [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8] {
        assert_eq!(vec.reserve(additional, GFP_KERNEL), Err(AllocError));
    }
    assert_eq!(vec.resize(usize::MAX, 0, GFP_KERNEL), Err(AllocError));
    assert_eq!((&vec[..], vec.capacity()), (&[1, 2, 3][..], capacity));
    assert!(KVec::<u64>::with_capacity(usize::MAX, GFP_KERNEL).is_err());
}

#[test]
fn the_memory_of_a_vector_is_freed() {
    let mut vec = KVec::new();
    let fill = || (0..100u32).for_each(|value| vec.push(value, GFP_KERNEL).unwrap());
    assert_eq!(kept_by(fill), 1);
    assert_eq!(kept_by(|| vec.clear()), 0, "the memory is kept");
    assert_eq!(kept_by(|| drop(vec)), -1);
    let empty = || core::mem::forget(KVec::<u32>::new());
    assert_eq!(kept_by(empty), 0, "nothing is allocated");
}

#[test]
fn every_value_is_dropped_once() {
    let value = Rc::new(());
    let others = || Rc::strong_count(&value) - 1;
    let mut vec = KVec::new();
    for _ in 0..10 {
        vec.push(value.clone(), GFP_KERNEL).unwrap();
    }
    assert_eq!(others(), 10);
    drop(vec.pop());
    assert_eq!(others(), 9);
    let removed = vec.swap_remove(0);
    assert_eq!(others(), 9);
    drop(removed);
    assert_eq!(others(), 8);
    assert!(vec.swap_remove(8).is_none());
    vec.truncate(20);
    assert_eq!(others(), 8);
    vec.truncate(5);
    assert_eq!(others(), 5);
    vec.resize(7, value.clone(), GFP_KERNEL).unwrap();
    assert_eq!(others(), 7);
    vec.resize(2, value.clone(), GFP_KERNEL).unwrap();
    assert_eq!(others(), 2);
    vec.extend_from_slice(&[value.clone(), value.clone()], GFP_KERNEL)
        .unwrap();
    assert_eq!(others(), 4);
    drop(vec);
    assert_eq!(others(), 0);
}

std::thread_local! {
    static SIZELESS_DROPS: core::cell::Cell<u32> = const { core::cell::Cell::new(0) };
}

#[derive(Clone)]
struct Sizeless;

impl Drop for Sizeless {
    fn drop(&mut self) {
        SIZELESS_DROPS.set(SIZELESS_DROPS.get() + 1);
    }
}

#[test]
fn types_without_size_are_counted_and_dropped() {
    let mut vec = KVec::new();
    assert_eq!(vec.capacity(), usize::MAX);
    for _ in 0..5 {
        vec.push(Sizeless, GFP_KERNEL).unwrap();
    }
    assert_eq!((vec.len(), SIZELESS_DROPS.get()), (5, 0));
    drop(vec.pop());
    drop(vec.swap_remove(1));
    vec.truncate(2);
    assert_eq!((vec.len(), SIZELESS_DROPS.get()), (2, 3));
    assert_eq!(vec.reserve(usize::MAX, GFP_KERNEL), Err(AllocError));
    drop(vec);
    assert_eq!(SIZELESS_DROPS.get(), 5);
}

#[test]
fn vectors_of_zeros_and_of_copies() {
    let zeros = KVec::<u64>::zeroed(300, GFP_KERNEL).unwrap();
    assert!(zeros.len() == 300 && zeros.iter().all(|value| *value == 0));
    assert_eq!(KVec::from_elem(7, 3, GFP_KERNEL).unwrap(), [7, 7, 7]);
    assert!(KVec::from_elem(7, 0, GFP_KERNEL).unwrap().is_empty());
    assert!(KVec::<u64>::zeroed(usize::MAX, GFP_KERNEL).is_err());
    assert_eq!(crate::kvec![1, 2].unwrap(), &[1, 2]);
}

#[test]
fn zeros_are_asked_for_also_when_memory_grows() {
    use crate::alloc::flags::__GFP_ZERO;
    // The process's allocator is likely to give back what was written and freed.
    for _ in 0..10 {
        drop(KVec::from_elem(0xffu8, 4096, GFP_KERNEL).unwrap());
        let mut vec = KVec::<u8>::with_capacity(16, GFP_KERNEL | __GFP_ZERO).unwrap();
        vec.resize(16, 1, GFP_KERNEL).unwrap();
        vec.reserve(4000, GFP_KERNEL | __GFP_ZERO).unwrap();
        let room = vec.spare_capacity_mut();
        // SAFETY: the room was filled with zeros.
        assert!(room.iter().all(|byte| unsafe { byte.assume_init() } == 0));
        assert_eq!(vec, [1; 16]);
    }
}

#[test]
fn what_is_written_behind_the_end_counts_when_told() {
    let mut vec = KVec::with_capacity(4, GFP_KERNEL).unwrap();
    vec.spare_capacity_mut()[0].write(9);
    // SAFETY: just written.
    unsafe { vec.inc_len(1) };
    assert_eq!(vec.spare_capacity_mut().len(), 3);
    assert_eq!(vec.as_slice(), [9]);
}

#[test]
fn iterators_end_what_is_left_in_them() {
    let value = Rc::new(());
    let fill = || KVec::from_elem(value.clone(), 5, GFP_KERNEL).unwrap();
    let others = || Rc::strong_count(&value) - 1;
    let mut iterator = fill().into_iter();
    let first = iterator.next();
    assert_eq!((others(), iterator.len()), (5, 4));
    drop(iterator);
    assert_eq!(others(), 1);
    drop(first);
    let mut vec = fill();
    assert_eq!(vec.drain_all().size_hint(), (5, Some(5)));
    assert_eq!((vec.len(), others()), (0, 0));
    let mut vec = KVec::from_elem(7, 5, GFP_KERNEL).unwrap();
    core::mem::forget(vec.drain_all());
    assert_eq!(
        vec.len(),
        0,
        "a forgotten iterator leaves nothing to drop twice"
    );
    let sizeless = KVec::from_elem((), 3, GFP_KERNEL).unwrap().into_iter();
    assert_eq!(sizeless.collect(GFP_KERNEL).len(), 3);
}
