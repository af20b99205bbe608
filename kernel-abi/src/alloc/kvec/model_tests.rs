// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vector beside the standard library's, step by step, with each allocator.
#![allow(unsafe_code)] // takes a vector apart and makes it again

extern crate std;

use crate::alloc::{
    flags::GFP_KERNEL, kbox::tests::kept_by, Allocator, KVmalloc, Kmalloc, Vec as Tested, Vmalloc,
};
use proptest::prelude::*;
use std::{format, rc::Rc, vec, vec::Vec};

/// A value that is allocated, so that one that is lost or dropped twice is seen.
type Value = Rc<u16>;

#[derive(Clone, Debug)]
enum Op {
    Push(u16),
    PushWithinCapacity(u16),
    Pop,
    Reserve(usize),
    Truncate(usize),
    Resize(usize, u16),
    Insert(usize, u16),
    Remove(usize),
    SwapRemove(usize),
    Extend(Vec<u16>),
    Set(usize, u16),
    Retain(u16),
    Drain(usize),
    Collect(usize),
    RawParts,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0usize..40;
    let value = any::<u16>;
    prop_oneof![
        6 => value().prop_map(Op::Push),
        2 => value().prop_map(Op::PushWithinCapacity),
        2 => Just(Op::Pop),
        1 => (0usize..100).prop_map(Op::Reserve),
        1 => at().prop_map(Op::Truncate),
        1 => (at(), value()).prop_map(|(len, value)| Op::Resize(len, value)),
        2 => (at(), value()).prop_map(|(at, value)| Op::Insert(at, value)),
        2 => at().prop_map(Op::Remove),
        2 => at().prop_map(Op::SwapRemove),
        2 => proptest::collection::vec(value(), 0..20).prop_map(Op::Extend),
        2 => (at(), value()).prop_map(|(at, value)| Op::Set(at, value)),
        1 => (2u16..5).prop_map(Op::Retain),
        1 => at().prop_map(Op::Drain),
        1 => at().prop_map(Op::Collect),
        1 => Just(Op::RawParts),
        1 => Just(Op::Clear),
    ]
}

fn step<A: Allocator>(vec: &mut Tested<Value, A>, model: &mut Vec<Value>, op: Op) {
    match op {
        Op::Push(_)
        | Op::PushWithinCapacity(_)
        | Op::Resize(..)
        | Op::Insert(..)
        | Op::Extend(_) => {
            grow(vec, model, op);
        }
        Op::Pop => assert_eq!(vec.pop(), model.pop()),
        Op::Reserve(additional) => {
            vec.reserve(additional, GFP_KERNEL).unwrap();
            assert!(vec.capacity() >= vec.len() + additional);
        }
        Op::Truncate(len) => {
            vec.truncate(len);
            model.truncate(len);
        }
        Op::Remove(at) => {
            let expected = (at < model.len()).then(|| model.remove(at));
            assert_eq!(vec.remove(at).ok(), expected);
        }
        Op::SwapRemove(at) => {
            let expected = (at < model.len()).then(|| model.swap_remove(at));
            assert_eq!(vec.swap_remove(at), expected);
        }
        Op::Set(at, value) => {
            for values in [&mut vec[..], &mut model[..]] {
                values
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|old| *old = Rc::new(value));
            }
        }
        Op::Retain(of) => {
            vec.retain(|value| **value % of != 0);
            model.retain(|value| **value % of != 0);
        }
        Op::Drain(count) => {
            assert!(vec.drain_all().take(count).eq(model.drain(..).take(count)));
        }
        Op::Collect(count) => {
            let mut rest = core::mem::take(vec).into_iter();
            assert!(rest
                .by_ref()
                .take(count)
                .eq(model.drain(..count.min(model.len()))));
            *vec = rest.collect(GFP_KERNEL);
        }
        Op::RawParts => {
            let (ptr, len, capacity) = core::mem::take(vec).into_raw_parts();
            // SAFETY: from the line above.
            *vec = unsafe { Tested::from_raw_parts(ptr, len, capacity) };
        }
        Op::Clear => {
            vec.clear();
            model.clear();
        }
    }
}

fn grow<A: Allocator>(vec: &mut Tested<Value, A>, model: &mut Vec<Value>, op: Op) {
    let has_room = vec.len() < vec.capacity();
    match op {
        Op::Push(value) => {
            vec.push(Rc::new(value), GFP_KERNEL).unwrap();
            model.push(Rc::new(value));
        }
        Op::PushWithinCapacity(value) => {
            assert_eq!(vec.push_within_capacity(Rc::new(value)).is_ok(), has_room);
            model.extend(has_room.then(|| Rc::new(value)));
        }
        Op::Insert(at, value) => {
            let fits = has_room && at <= model.len();
            assert_eq!(vec.insert_within_capacity(at, Rc::new(value)).is_ok(), fits);
            if fits {
                model.insert(at, Rc::new(value));
            }
        }
        Op::Resize(len, value) => {
            vec.resize(len, Rc::new(value), GFP_KERNEL).unwrap();
            model.resize(len, Rc::new(value));
        }
        Op::Extend(values) => {
            let values: Vec<_> = values.into_iter().map(Rc::new).collect();
            vec.extend_from_slice(&values, GFP_KERNEL).unwrap();
            model.extend(values);
        }
        _ => unreachable!("{op:?} does not grow"),
    }
}

fn compare<A: Allocator>(ops: Vec<Op>) {
    let (mut vec, mut model) = (Tested::<Value, A>::new(), Vec::new());
    for op in ops {
        step(&mut vec, &mut model, op);
        assert_eq!(&vec[..], &model[..]);
        assert!(vec.capacity() >= vec.len());
    }
    assert_eq!(format!("{vec:?}"), format!("{model:?}"));
}

proptest! {
    #[test]
    fn it_holds_what_a_vec_holds_and_loses_nothing(ops in proptest::collection::vec(op(), 0..200)) {
        for compare in [compare::<Kmalloc>, compare::<Vmalloc>, compare::<KVmalloc>] {
            let ops = ops.clone();
            prop_assert_eq!(kept_by(|| compare(ops.clone())), 0);
        }
    }
}
