// SPDX-License-Identifier: GPL-2.0 OR MIT
#![allow(unsafe_code)] // locks without a guard

extern crate std;

use crate::{
    alloc::flags::GFP_KERNEL,
    new_mutex, new_spinlock, new_spinlock_irq,
    sync::{lock::Backend, Arc, Guard, Lock, Mutex, MutexBackend, SpinLock, SpinLockIrq},
};
use std::{sync::mpsc, thread};

fn shared<T>(value: T) -> Arc<Mutex<T>> {
    Arc::pin_init(new_mutex!(value, "test"), GFP_KERNEL).unwrap()
}

#[test]
fn one_thread_at_a_time_has_the_value() {
    let lock = shared(0u32);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5000 {
                    let mut guard = lock.lock();
                    // Two steps, so that a second holder would lose a count.
                    let value = *guard;
                    thread::yield_now();
                    *guard = value + 1;
                }
            });
        }
    });
    assert_eq!(*lock.lock(), 4 * 5000);
}

#[test]
fn a_lock_that_is_held_cannot_be_tried() {
    let lock = shared(1);
    let guard = lock.lock();
    assert!(lock.try_lock().is_none());
    thread::scope(|scope| {
        scope.spawn(|| assert!(lock.try_lock().is_none()));
    });
    drop(guard);
    let mut guard = lock.try_lock().unwrap();
    *guard += 1;
    assert!(lock.try_lock().is_none());
    drop(guard);
    assert_eq!(*lock.lock(), 2);
}

#[test]
fn whoever_waits_gets_the_lock_when_it_is_given_up() {
    let lock = shared(0);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let mut guard = lock.lock();
        scope.spawn(|| {
            tell.send(()).unwrap();
            assert_eq!(*lock.lock(), 7);
        });
        told.recv().unwrap();
        *guard = 7;
    });
}

#[test]
fn unlocked_lets_others_in_and_takes_the_lock_again() {
    let lock = shared(1);
    let mut guard = lock.lock();
    let result = guard.unlocked(|| {
        // On another thread: this would hang if the lock was still held.
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut guard = lock.lock();
                *guard += 1;
                *guard
            });
            other.join().unwrap()
        })
    });
    assert_eq!((result, *guard), (2, 2));
    assert!(lock.try_lock().is_none(), "held again");
    drop(guard);
    assert!(lock.try_lock().is_some());
}

#[test]
fn every_kind_of_lock_locks() {
    let spin: Arc<SpinLock<u32>> = Arc::pin_init(new_spinlock!(1, "spin"), GFP_KERNEL).unwrap();
    let irq: Arc<SpinLockIrq<u32>> = Arc::pin_init(new_spinlock_irq!(1), GFP_KERNEL).unwrap();
    *spin.lock() += 1;
    *irq.lock() += 1;
    let (one, two) = (spin.lock(), irq.lock());
    assert_eq!((*one, *two), (2, 2));
    assert!(spin.try_lock().is_none() && irq.try_lock().is_none());
}

#[test]
fn the_value_is_dropped_with_its_lock() {
    let value = std::sync::Arc::new(());
    let lock = shared(value.clone());
    assert_eq!(std::sync::Arc::strong_count(&value), 2);
    drop(lock);
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
}

#[test]
fn a_panic_without_the_lock_ends_with_the_lock() {
    let mutex = shared(0);
    let mut guard = mutex.lock();
    let call = std::panic::AssertUnwindSafe(|| guard.unlocked(|| panic!("on purpose")));
    assert!(std::panic::catch_unwind(call).is_err());
    // Still held, so that the guard's end unlocks what is locked.
    assert!(mutex.try_lock().is_none());
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn a_lock_of_c_may_be_wrapped() {
    let mut state = core::mem::MaybeUninit::<<MutexBackend as Backend>::State>::uninit();
    let class = crate::static_lock_class!();
    // SAFETY: the lock's memory outlives its use, in place.
    unsafe {
        MutexBackend::init(state.as_mut_ptr(), c"raw".as_ptr(), class.as_ptr());
        let lock = Lock::<(), MutexBackend>::from_raw(state.as_mut_ptr());
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        core::mem::forget(guard);
        // Held, without a guard: this is one.
        drop(Guard::new(lock, ()));
        assert!(lock.try_lock().is_some());
    }
}

#[test]
#[should_panic(expected = "the lock is not held")]
fn a_guard_of_a_lock_that_is_free_is_a_defect() {
    let lock = shared(0);
    // SAFETY: it is not sound, but ends before anything is done with it.
    let _guard = unsafe { Guard::new(&lock, ()) };
}

#[test]
fn the_value_of_a_guard_may_be_pinned() {
    let lock = shared(7);
    let mut guard = lock.lock();
    *guard.as_mut() += 1;
    assert!(core::ptr::eq(guard.lock_ref(), &*lock));
    assert_eq!(*guard, 8);
}
