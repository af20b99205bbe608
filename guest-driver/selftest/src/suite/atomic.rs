// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `sync`: atomics, barriers, values that are set once, RCU.
#![allow(unsafe_code)] // an atomic type of the test's own

use crate::{sys, test::TestResult};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    sync::{
        atomic::{
            Acquire, AcquireOrRelaxed, Atomic, AtomicAdd, AtomicType, Full, Ordering, OrderingType,
            Relaxed, Release, ReleaseOrRelaxed,
        },
        barrier::{dma_mb, mb, smp_mb, Read, Write},
        rcu, Arc, SetOnce,
    },
};

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(i32)]
enum State {
    Idle,
    Busy,
}

// SAFETY: it has an i32's layout, and no other values are stored.
unsafe impl AtomicType for State {
    type Repr = i32;
}

/// A load and a store in given orders.
fn set<T: AtomicType>(
    cell: &Atomic<T>,
    value: T,
    store: impl ReleaseOrRelaxed,
    load: impl AcquireOrRelaxed,
) -> T {
    cell.store(value, store);
    cell.load(load)
}

/// An exchange and an addition in a given order.
fn swap<T: AtomicType + AtomicAdd>(cell: &Atomic<T>, value: T, order: impl Ordering) -> T {
    cell.add(value, Relaxed);
    cell.xchg(value, order)
}

fn atomics_change_as_they_are_told() -> TestResult {
    let state = Atomic::new(State::Idle);
    check_eq!(state.xchg(State::Busy, Full), State::Idle);
    check_eq!(
        state.cmpxchg(State::Idle, State::Idle, Acquire),
        Err(State::Busy)
    );
    check_eq!(
        state.cmpxchg(State::Busy, State::Idle, Release),
        Ok(State::Busy)
    );
    let number = Atomic::new(u64::MAX);
    check_eq!(number.fetch_add(2, Full), u64::MAX);
    check_eq!(number.fetch_sub(1, Relaxed), 1);
    check_eq!(set(&number, 7, Release, Acquire), 7);
    check_eq!(set(&Atomic::new(false), true, Relaxed, Relaxed), true);
    check_eq!(swap(&number, 3, Full), 10);
    check_eq!(Acquire::TYPE, OrderingType::Acquire);
    Ok(())
}

/// Each thread writes its own flag and reads the other's: with full barriers one of them sees the other.
fn full_barriers_order_writes_before_reads() -> TestResult {
    for _ in 0..50 {
        let flags = Arc::new([Atomic::new(0u32), Atomic::new(0u32)], GFP_KERNEL)?;
        let cross = |mine: usize| {
            let flags = flags.clone();
            sys::spawn(move || {
                flags[mine].store(1, Relaxed);
                smp_mb(Full);
                flags[1 - mine].load(Relaxed)
            })
        };
        let (one, two) = (cross(0)?, cross(1)?);
        check!(one.join() + two.join() > 0);
    }
    smp_mb(Read);
    smp_mb(Write);
    mb(Full);
    mb(Read);
    mb(Write);
    dma_mb(Full);
    dma_mb(Read);
    dma_mb(Write);
    Ok(())
}

fn values_are_set_once() -> TestResult {
    let once = Arc::new(SetOnce::new(), GFP_KERNEL)?;
    check!(once.as_ref().as_ref().is_none());
    let setters = [1u32, 2, 3].map(|number| {
        let once = once.clone();
        sys::spawn(move || u32::from(once.populate(number)) * number)
    });
    let mut winner = 0;
    for setter in setters {
        winner += setter?.join();
    }
    check_eq!(once.copy(), Some(winner));
    check!(!once.populate(9));
    Ok(())
}

fn grace_periods_end_after_sections() -> TestResult {
    let flags = Arc::new((Atomic::new(false), Atomic::new(false)), GFP_KERNEL)?;
    let mine = flags.clone();
    let reader = sys::spawn(move || {
        let section = rcu::read_lock();
        mine.0.store(true, Relaxed);
        for _ in 0..1000 {
            rcu::Guard::new().unlock();
        }
        mine.1.store(true, Relaxed);
        drop(section);
    })?;
    while !flags.0.load(Relaxed) {
        sys::sleep_ms(1);
    }
    rcu::synchronize_rcu();
    check!(flags.1.load(Relaxed));
    reader.join();
    Ok(())
}

selftests! {
    atomics_change_as_they_are_told => [
        kernel_abi::sync::atomic::Acquire,
        kernel_abi::sync::atomic::AcquireOrRelaxed,
        kernel_abi::sync::atomic::Atomic,
        kernel_abi::sync::atomic::Atomic::add,
        kernel_abi::sync::atomic::Atomic::cmpxchg,
        kernel_abi::sync::atomic::Atomic::fetch_add,
        kernel_abi::sync::atomic::Atomic::fetch_sub,
        kernel_abi::sync::atomic::Atomic::load,
        kernel_abi::sync::atomic::Atomic::new,
        kernel_abi::sync::atomic::Atomic::store,
        kernel_abi::sync::atomic::Atomic::xchg,
        kernel_abi::sync::atomic::AtomicAdd,
        kernel_abi::sync::atomic::AtomicType,
        kernel_abi::sync::atomic::Ordering,
        kernel_abi::sync::atomic::OrderingType,
        kernel_abi::sync::atomic::Relaxed,
        kernel_abi::sync::atomic::Release,
        kernel_abi::sync::atomic::ReleaseOrRelaxed,
    ];
    full_barriers_order_writes_before_reads => [
        kernel_abi::sync::atomic::Full,
        kernel_abi::sync::barrier::Read,
        kernel_abi::sync::barrier::Write,
        kernel_abi::sync::barrier::dma_mb,
        kernel_abi::sync::barrier::mb,
        kernel_abi::sync::barrier::smp_mb,
    ];
    values_are_set_once => [
        kernel_abi::sync::SetOnce,
        kernel_abi::sync::SetOnce::as_ref,
        kernel_abi::sync::SetOnce::copy,
        kernel_abi::sync::SetOnce::new,
        kernel_abi::sync::SetOnce::populate,
    ];
    grace_periods_end_after_sections => [
        kernel_abi::sync::rcu::Guard,
        kernel_abi::sync::rcu::Guard::new,
        kernel_abi::sync::rcu::Guard::unlock,
        kernel_abi::sync::rcu::read_lock,
        kernel_abi::sync::rcu::synchronize_rcu,
    ];
}
