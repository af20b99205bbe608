// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vector whose growth may fail.
#![allow(unsafe_code)] // owns raw memory

use super::{AllocError, Flags};
use crate::sys;
use core::{
    alloc::Layout,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
};

/// Owns a run of values on the heap.
///
/// # Invariants
///
/// With `capacity` above zero `ptr` is an allocation of `sys::alloc` for that many values, of
/// which the first `len` are valid. Types without size are never allocated and have no limit.
pub struct KVec<T> {
    ptr: NonNull<T>,
    capacity: usize,
    len: usize,
    _owns: PhantomData<T>,
}

// SAFETY: it owns its values.
unsafe impl<T: Send> Send for KVec<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for KVec<T> {}

impl<T> Default for KVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> KVec<T> {
    const IS_SIZELESS: bool = size_of::<T>() == 0;

    /// An empty vector; allocates nothing.
    pub const fn new() -> Self {
        Self {
            ptr: NonNull::dangling(),
            capacity: 0,
            len: 0,
            _owns: PhantomData,
        }
    }

    /// An empty vector with room for `capacity` values.
    pub fn with_capacity(capacity: usize, flags: Flags) -> Result<Self, AllocError> {
        let mut vec = Self::new();
        vec.grow_to(capacity, flags)?;
        Ok(vec)
    }

    /// How many values there is room for.
    pub const fn capacity(&self) -> usize {
        if Self::IS_SIZELESS {
            usize::MAX
        } else {
            self.capacity
        }
    }

    /// Makes room for `additional` more values.
    pub fn reserve(&mut self, additional: usize, flags: Flags) -> Result<(), AllocError> {
        let needed = self.len.checked_add(additional).ok_or(AllocError)?;
        if needed <= self.capacity() {
            return Ok(());
        }
        // Doubling, so that pushing is O(1) in the mean.
        let wanted = needed.max(self.capacity.saturating_mul(2)).max(4);
        self.grow_to(wanted, flags)
    }

    fn grow_to(&mut self, capacity: usize, flags: Flags) -> Result<(), AllocError> {
        if capacity <= self.capacity() {
            return Ok(());
        }
        let layout = Layout::array::<T>(capacity).map_err(|_| AllocError)?;
        let memory = if self.capacity == 0 {
            sys::alloc::alloc(layout, flags)?
        } else {
            let old = Layout::array::<T>(self.capacity).map_err(|_| AllocError)?;
            // SAFETY: by the type invariant, and `layout` was checked for overflow.
            unsafe { sys::alloc::realloc(self.ptr.cast(), old, layout.size(), flags)? }
        };
        self.ptr = memory.cast();
        self.capacity = capacity;
        Ok(())
    }

    /// Appends a value.
    pub fn push(&mut self, value: T, flags: Flags) -> Result<(), AllocError> {
        self.reserve(1, flags)?;
        // SAFETY: there is room for one more.
        unsafe { self.ptr.as_ptr().add(self.len).write(value) };
        self.len += 1;
        Ok(())
    }

    /// Takes the last value.
    pub fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the value was valid and is not counted any more.
        Some(unsafe { self.ptr.as_ptr().add(self.len).read() })
    }

    /// Drops all values behind the first `len`; keeps the memory.
    pub fn truncate(&mut self, len: usize) {
        while self.len > len {
            drop(self.pop());
        }
    }

    /// Drops all values; keeps the memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Takes value `index` out and puts the last one in its place; `None` when there is none.
    pub fn swap_remove(&mut self, index: usize) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        if index > last {
            return None;
        }
        self.swap(index, last);
        self.pop()
    }
}

impl<T: Clone> KVec<T> {
    /// Appends copies of `values`.
    pub fn extend_from_slice(&mut self, values: &[T], flags: Flags) -> Result<(), AllocError> {
        self.reserve(values.len(), flags)?;
        for value in values {
            self.push(value.clone(), flags)?;
        }
        Ok(())
    }

    /// Grows with copies of `value`, or shrinks, to `len` values.
    pub fn resize(&mut self, len: usize, value: T, flags: Flags) -> Result<(), AllocError> {
        self.truncate(len);
        self.reserve(len - self.len, flags)?;
        while self.len < len {
            self.push(value.clone(), flags)?;
        }
        Ok(())
    }
}

impl<T> Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: by the type invariant.
        unsafe { slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for KVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: by the type invariant.
        unsafe { slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl<T> Drop for KVec<T> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        unsafe { ptr::drop_in_place(ptr::from_mut::<[T]>(&mut **self)) };
        if self.capacity != 0 {
            // PANIC: the layout was valid when the memory was allocated.
            if let Ok(layout) = Layout::array::<T>(self.capacity) {
                // SAFETY: by the type invariant.
                unsafe { sys::alloc::free(self.ptr.cast(), layout) };
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for KVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(all(test, home = "hosted"))]
mod tests {
    extern crate std;

    use super::*;
    use crate::alloc::{flags::GFP_KERNEL, kbox::tests::kept_by};
    use proptest::prelude::*;
    use std::{format, rc::Rc, vec::Vec};

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

    #[derive(Clone, Debug)]
    enum Op {
        Push(u16),
        Pop,
        Reserve(usize),
        Truncate(usize),
        Resize(usize, u16),
        SwapRemove(usize),
        Extend(Vec<u16>),
        Set(usize, u16),
        Clear,
    }

    fn op() -> impl Strategy<Value = Op> {
        let at = || 0usize..40;
        prop_oneof![
            6 => any::<u16>().prop_map(Op::Push),
            2 => Just(Op::Pop),
            1 => (0usize..100).prop_map(Op::Reserve),
            1 => at().prop_map(Op::Truncate),
            1 => (at(), any::<u16>()).prop_map(|(len, value)| Op::Resize(len, value)),
            2 => at().prop_map(Op::SwapRemove),
            2 => proptest::collection::vec(any::<u16>(), 0..20).prop_map(Op::Extend),
            2 => (at(), any::<u16>()).prop_map(|(at, value)| Op::Set(at, value)),
            1 => Just(Op::Clear),
        ]
    }

    fn step(vec: &mut KVec<u16>, model: &mut Vec<u16>, op: Op) {
        match op {
            Op::Push(value) => {
                vec.push(value, GFP_KERNEL).unwrap();
                model.push(value);
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
            Op::Resize(len, value) => {
                vec.resize(len, value, GFP_KERNEL).unwrap();
                model.resize(len, value);
            }
            Op::SwapRemove(at) => {
                let expected = (at < model.len()).then(|| model.swap_remove(at));
                assert_eq!(vec.swap_remove(at), expected);
            }
            Op::Extend(values) => {
                vec.extend_from_slice(&values, GFP_KERNEL).unwrap();
                model.extend(values);
            }
            Op::Set(at, value) => {
                for values in [&mut vec[..], &mut model[..]] {
                    values
                        .iter_mut()
                        .skip(at)
                        .take(1)
                        .for_each(|old| *old = value);
                }
            }
            Op::Clear => {
                vec.clear();
                model.clear();
            }
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_vec_holds(ops in proptest::collection::vec(op(), 0..200)) {
            let (mut vec, mut model) = (KVec::new(), Vec::new());
            for op in ops {
                step(&mut vec, &mut model, op);
                prop_assert_eq!(&vec[..], &model[..]);
                prop_assert!(vec.capacity() >= vec.len());
            }
            prop_assert_eq!(format!("{vec:?}"), format!("{model:?}"));
        }
    }
}
