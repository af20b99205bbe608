// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `alloc`: vectors.
#![allow(unsafe_code)] // takes vectors apart

use crate::test::TestResult;
use kernel_abi::{
    alloc::{
        flags::GFP_KERNEL,
        kvec::{DrainAll, InsertError, PushError, RemoveError},
        Allocator, IntoIter, KVVec, KVec, KVmalloc, Kmalloc, VVec, Vec, Vmalloc,
    },
    error::{code::EINVAL, Error},
    kvec,
    sync::Arc,
};

fn try_growth<A: Allocator>() -> TestResult {
    let mut vec = Vec::<u32, A>::new();
    check!(vec.is_empty() && vec.capacity() == 0);
    for value in 0..2000 {
        vec.push(value, GFP_KERNEL)?;
    }
    check!(vec.iter().copied().eq(0..2000));
    vec.truncate(3);
    check_eq!((vec.pop(), vec.len()), (Some(2), 2));
    vec.reserve(10_000, GFP_KERNEL)?;
    check!(vec.capacity() >= 10_002);
    vec.extend_from_slice(&[5, 6], GFP_KERNEL)?;
    vec.extend_with(2, 7, GFP_KERNEL)?;
    vec.resize(7, 9, GFP_KERNEL)?;
    check_eq!(vec.as_slice(), [0, 1, 5, 6, 7, 7, 9]);
    vec.as_mut_slice()[0] = 4;
    check_eq!((vec.remove(1).ok(), vec.swap_remove(0)), (Some(1), Some(4)));
    vec.retain(|value| *value != 7);
    check_eq!(vec, [9, 5, 6]);
    let (ptr, len, capacity) = vec.into_raw_parts();
    // SAFETY: from the line above.
    let mut vec = unsafe { Vec::<u32, A>::from_raw_parts(ptr, len, capacity) };
    check!(core::ptr::eq(vec.as_ptr(), vec.as_mut_ptr()) && vec == [9, 5, 6]);
    vec.spare_capacity_mut()[0].write(8);
    // SAFETY: just written.
    unsafe { vec.inc_len(1) };
    check_eq!(vec, [9, 5, 6, 8]);
    vec.clear();
    check!(
        vec.is_empty()
            && Vec::<u64, A>::zeroed(600, GFP_KERNEL)?
                .iter()
                .all(|word| *word == 0)
    );
    Ok(())
}

fn vectors_hold_what_they_are_given() -> TestResult {
    try_growth::<Kmalloc>()?;
    try_growth::<Vmalloc>()?;
    try_growth::<KVmalloc>()?;
    let (k, v, kv): (KVec<u8>, VVec<u8>, KVVec<u8>) = (
        KVec::from_elem(1, 4, GFP_KERNEL)?,
        VVec::from_elem(1, 4, GFP_KERNEL)?,
        KVVec::from_elem(1, 4, GFP_KERNEL)?,
    );
    check!(k == v && v == kv && kvec![1, 1, 1, 1]? == k && kvec![1u8; 4]? == k);
    Ok(())
}

fn values_that_do_not_fit_come_back() -> TestResult {
    let mut vec = KVec::with_capacity(2, GFP_KERNEL)?;
    vec.push_within_capacity('a')?;
    vec.insert_within_capacity(0, 'b')?;
    check_eq!(vec, ['b', 'a']);
    check!(matches!(vec.push_within_capacity('c'), Err(PushError('c'))));
    let insert = vec.insert_within_capacity(1, 'c');
    check!(matches!(insert, Err(InsertError::OutOfCapacity('c'))));
    let insert = vec.insert_within_capacity(9, 'c');
    check!(matches!(insert, Err(InsertError::IndexOutOfBounds('c'))));
    let remove: Result<char, RemoveError> = vec.remove(2);
    check_eq!(remove.map_err(Error::from), Err(EINVAL));
    Ok(())
}

fn iterators_give_out_and_drop_the_rest() -> TestResult {
    let value = Arc::new(7, GFP_KERNEL)?;
    let alone = |value: Arc<i32>| Arc::into_unique_or_drop(value).is_some();
    let mut vec = KVec::from_elem(value.clone(), 4, GFP_KERNEL)?;
    let mut drain: DrainAll<'_, _> = vec.drain_all();
    check_eq!(drain.next().as_deref(), Some(&7));
    drop(drain);
    check!(vec.is_empty());
    vec.extend_with(3, value.clone(), GFP_KERNEL)?;
    let mut iterator: IntoIter<_, Kmalloc> = vec.into_iter();
    drop(iterator.next());
    let rest = iterator.collect(GFP_KERNEL);
    check_eq!(rest.len(), 2);
    drop(rest);
    check!(alone(value));
    Ok(())
}

selftests! {
    vectors_hold_what_they_are_given => [
        kernel_abi::alloc::KVVec,
        kernel_abi::alloc::KVec,
        kernel_abi::alloc::VVec,
        kernel_abi::alloc::Vec,
        kernel_abi::alloc::Vec::as_mut_ptr,
        kernel_abi::alloc::Vec::as_mut_slice,
        kernel_abi::alloc::Vec::as_ptr,
        kernel_abi::alloc::Vec::as_slice,
        kernel_abi::alloc::Vec::capacity,
        kernel_abi::alloc::Vec::clear,
        kernel_abi::alloc::Vec::extend_from_slice,
        kernel_abi::alloc::Vec::extend_with,
        kernel_abi::alloc::Vec::from_elem,
        kernel_abi::alloc::Vec::from_raw_parts,
        kernel_abi::alloc::Vec::inc_len,
        kernel_abi::alloc::Vec::into_raw_parts,
        kernel_abi::alloc::Vec::is_empty,
        kernel_abi::alloc::Vec::len,
        kernel_abi::alloc::Vec::new,
        kernel_abi::alloc::Vec::pop,
        kernel_abi::alloc::Vec::push,
        kernel_abi::alloc::Vec::reserve,
        kernel_abi::alloc::Vec::resize,
        kernel_abi::alloc::Vec::retain,
        kernel_abi::alloc::Vec::spare_capacity_mut,
        kernel_abi::alloc::Vec::swap_remove,
        kernel_abi::alloc::Vec::truncate,
        kernel_abi::alloc::Vec::zeroed,
        kernel_abi::kvec,
    ];
    values_that_do_not_fit_come_back => [
        kernel_abi::alloc::Vec::insert_within_capacity,
        kernel_abi::alloc::Vec::push_within_capacity,
        kernel_abi::alloc::Vec::remove,
        kernel_abi::alloc::Vec::with_capacity,
        kernel_abi::alloc::kvec::InsertError,
        kernel_abi::alloc::kvec::PushError,
        kernel_abi::alloc::kvec::RemoveError,
    ];
    iterators_give_out_and_drop_the_rest => [
        kernel_abi::alloc::IntoIter,
        kernel_abi::alloc::IntoIter::collect,
        kernel_abi::alloc::Vec::drain_all,
        kernel_abi::alloc::kvec::DrainAll,
    ];
}
