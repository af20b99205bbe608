// SPDX-License-Identifier: GPL-2.0 OR MIT
#![allow(unsafe_code)] // looks at counts, and goes through raw pointers

extern crate std;

use super::*;
use crate::{alloc::flags::GFP_KERNEL, error::code::EBUSY};
use core::sync::atomic::{AtomicUsize, Ordering};
use pinned_init::pin_init_from_closure;
use proptest::prelude::*;
use std::{thread, vec};

struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn count<T>(arc: &Arc<T>) -> i32 {
    arc.refcount()
        .as_atomic()
        .load(crate::sync::atomic::Relaxed)
}

#[test]
fn the_last_owner_drops_the_value() {
    let drops = AtomicUsize::new(0);
    let one = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
    let two = one.clone();
    let other = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
    assert!(Arc::ptr_eq(&one, &two) && !Arc::ptr_eq(&one, &other));
    assert_eq!((count(&one), count(&other)), (2, 1));
    drop(one);
    assert_eq!((count(&two), drops.load(Ordering::Relaxed)), (1, 0));
    drop(two);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    drop(other);
    assert_eq!(drops.load(Ordering::Relaxed), 2);
}

#[test]
fn threads_count_together_and_the_value_ends_once() {
    let drops = AtomicUsize::new(0);
    for _ in 0..50 {
        let before = drops.load(Ordering::Relaxed);
        let shared = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                let mine = shared.clone();
                scope.spawn(move || {
                    for _ in 0..1000 {
                        let again = mine.clone();
                        assert!(Arc::ptr_eq(&again, &mine));
                    }
                });
            }
            // The last owner may be any of the threads.
            drop(shared);
        });
        assert_eq!(drops.load(Ordering::Relaxed), before + 1);
    }
}

#[test]
fn a_count_that_is_saturated_never_comes_down() {
    let drops = AtomicUsize::new(0);
    let arc = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
    arc.refcount().set(i32::MAX);
    let more = arc.clone();
    let saturated = count(&more);
    assert!(saturated < 0);
    drop(more);
    assert_eq!((count(&arc), drops.load(Ordering::Relaxed)), (saturated, 0));
    // The test itself frees it.
    arc.refcount().set(1);
    drop(arc);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn exactly_one_of_the_last_owners_has_the_value() {
    let drops = AtomicUsize::new(0);
    for round in 0..200 {
        let shared = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
        let got: usize = thread::scope(|scope| {
            let owners = [shared.clone(), shared]
                .map(|mine| scope.spawn(|| usize::from(Arc::into_unique_or_drop(mine).is_some())));
            owners.map(|owner| owner.join().unwrap()).iter().sum()
        });
        assert_eq!((got, drops.load(Ordering::Relaxed)), (1, round + 1));
    }
}

#[test]
fn a_unique_value_is_shared_without_memory() {
    let drops = AtomicUsize::new(0);
    let mut unique = UniqueArc::new(Counted(&drops), GFP_KERNEL).unwrap();
    unique.0 = &drops;
    let at = UniqueArc::as_ptr(&unique);
    let shared = Arc::from(unique);
    assert_eq!((count(&shared), Arc::as_ptr(&shared)), (1, at));
    drop(shared);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    drop(UniqueArc::<Counted<'_>>::new_uninit(GFP_KERNEL).unwrap());
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    let pinned = UniqueArc::pin_init::<Error>(Ok(Counted(&drops)), GFP_KERNEL).unwrap();
    let shared = Arc::from(pinned);
    assert_eq!(count(&shared), 1);
    drop(Arc::into_unique_or_drop(shared).unwrap());
    assert_eq!(drops.load(Ordering::Relaxed), 2);
    // SAFETY: it fails and leaves nothing initialised.
    let failing = unsafe { pinned_init::init_from_closure(|_: *mut Counted<'_>| Err(EBUSY)) };
    assert_eq!(UniqueArc::init(failing, GFP_KERNEL).err(), Some(EBUSY));
}

#[test]
fn raw_pointers_and_borrows_count_right() {
    let drops = AtomicUsize::new(0);
    let arc = Arc::new(Counted(&drops), GFP_KERNEL).unwrap();
    let raw = Arc::into_raw(arc.clone());
    assert_eq!(count(&arc), 2);
    // SAFETY: from the line above; lent while the count is there.
    let lent = unsafe { ArcBorrow::from_raw(raw) };
    let mine = Arc::from(lent);
    assert_eq!((count(&arc), Arc::ptr_eq(&mine, &arc)), (3, true));
    // SAFETY: from `into_raw`.
    drop((mine, unsafe { Arc::from_raw(raw) }));
    let foreign = arc.clone().into_foreign();
    // SAFETY: from the line above.
    unsafe {
        let lent = <Arc<Counted<'_>> as ForeignOwnable>::borrow(foreign);
        assert!(Arc::ptr_eq(&Arc::from(lent), &arc));
        let lent = <Arc<Counted<'_>> as ForeignOwnable>::borrow_mut(foreign);
        assert!(Arc::ptr_eq(&Arc::from(lent), &arc));
        drop(<Arc<Counted<'_>> as ForeignOwnable>::from_foreign(foreign));
    }
    assert_eq!(count(&arc), 1);
    drop(arc);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn an_arc_may_be_of_a_trait_object_or_of_aligned_values() {
    trait Byte: Send + Sync {
        fn byte(&self) -> u8;
    }
    #[repr(align(128))]
    struct Aligned(u8);
    impl Byte for Aligned {
        fn byte(&self) -> u8 {
            self.0
        }
    }
    impl Byte for u8 {
        fn byte(&self) -> u8 {
            *self
        }
    }
    let aligned = Arc::new(Aligned(7), GFP_KERNEL).unwrap();
    assert_eq!(Arc::as_ptr(&aligned).addr() % 128, 0);
    let raws = [
        Arc::into_raw(aligned) as *const dyn Byte,
        Arc::into_raw(Arc::new(8u8, GFP_KERNEL).unwrap()) as *const dyn Byte,
    ];
    // SAFETY: from `into_raw`.
    let [one, two] = raws.map(|raw| unsafe { Arc::from_raw(raw) });
    let again = two.clone();
    assert_eq!(
        (one.byte(), two.byte(), Arc::ptr_eq(&again, &two)),
        (7, 8, true)
    );
}

/// What is done to some references to one value.
#[derive(Clone, Debug)]
enum Op {
    Clone(usize),
    Drop(usize),
    Borrow(usize),
    Foreign(usize),
    Unique(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0usize..8;
    prop_oneof![
        3 => at().prop_map(Op::Clone),
        3 => at().prop_map(Op::Drop),
        1 => at().prop_map(Op::Borrow),
        1 => at().prop_map(Op::Foreign),
        1 => at().prop_map(Op::Unique),
    ]
}

proptest! {
    /// The count is the number of references, and the value ends with the last.
    #[test]
    fn the_count_is_the_number_of_references(ops in proptest::collection::vec(op(), 0..100)) {
        let drops = AtomicUsize::new(0);
        let mut held = vec![Arc::new(Counted(&drops), GFP_KERNEL).unwrap()];
        for op in ops {
            let (Op::Clone(at) | Op::Drop(at) | Op::Borrow(at) | Op::Foreign(at) | Op::Unique(at)) = op;
            if held.is_empty() {
                break;
            }
            let at = at % held.len();
            match op {
                Op::Clone(_) => held.push(held[at].clone()),
                Op::Drop(_) => drop(held.swap_remove(at)),
                Op::Borrow(_) => held.push(held[at].as_arc_borrow().into()),
                Op::Foreign(_) => {
                    let foreign = held.swap_remove(at).into_foreign();
                    // SAFETY: from the line above.
                    held.push(unsafe { Arc::from_foreign(foreign) });
                }
                Op::Unique(_) => {
                    let unique = Arc::into_unique_or_drop(held.swap_remove(at));
                    prop_assert_eq!(unique.is_some(), held.is_empty());
                    held.extend(unique.map(Arc::from));
                }
            }
            for arc in &held {
                prop_assert_eq!(count(arc), held.len() as i32);
            }
            prop_assert_eq!(drops.load(Ordering::Relaxed), usize::from(held.is_empty()));
        }
    }
}

#[test]
fn an_initialiser_that_fails_leaves_nothing_to_drop() {
    let drops = AtomicUsize::new(0);
    // SAFETY: it fails and leaves nothing initialised.
    let failing = unsafe { pin_init_from_closure(|_: *mut Counted<'_>| Err(EBUSY)) };
    assert_eq!(Arc::pin_init(failing, GFP_KERNEL).err(), Some(EBUSY));
    let arc = Arc::<Counted<'_>>::pin_init::<Error>(Ok(Counted(&drops)), GFP_KERNEL).unwrap();
    assert_eq!((count(&arc), drops.load(Ordering::Relaxed)), (1, 0));
    drop(arc);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}
