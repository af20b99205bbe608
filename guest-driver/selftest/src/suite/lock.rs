// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `sync`: locks.
#![allow(unsafe_code)] // locks without a guard, and static ones

use crate::{sys, test::TestResult};
use core::pin::Pin;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::Result,
    global_lock, new_mutex, new_spinlock, new_spinlock_irq, static_lock_class,
    sync::{
        Arc, Backend, GlobalGuard, GlobalLock, GlobalLockBackend, GlobalLockedBy, Guard, Lock,
        LockClassKey, LockedBy, Mutex, MutexBackend, MutexGuard, SetOnce, SpinLock,
        SpinLockBackend, SpinLockGuard, SpinLockIrq, SpinLockIrqBackend, SpinLockIrqGuard,
    },
    types::{ForeignOwnable, Opaque},
};

const ROUNDS: u32 = 2000;

/// Four threads add to a value; a second holder would lose a count.
fn count_together<B: Backend + 'static>(lock: Arc<Lock<u32, B>>) -> Result<u32> {
    let threads = [(); 4].map(|()| {
        let lock = lock.clone();
        sys::spawn(move || {
            for _ in 0..ROUNDS {
                let mut guard = lock.lock();
                let value = core::hint::black_box(*guard);
                *guard = value + 1;
            }
        })
    });
    for thread in threads {
        thread?.join();
    }
    let value = *lock.lock();
    Ok(value)
}

/// What every kind of lock does, in one task.
fn try_lock<B: Backend>(lock: &Lock<u32, B>) -> TestResult {
    let mut guard: Guard<'_, u32, B> = lock.lock();
    *guard.as_mut() = 1;
    check!(core::ptr::eq(guard.lock_ref(), lock));
    check!(guard.unlocked(|| {
        let Some(mut other) = lock.try_lock() else {
            return false;
        };
        *other += 1;
        true
    }));
    check_eq!(*guard, 2);
    drop(guard);
    check_eq!(lock.try_lock().as_deref(), Some(&2));
    Ok(())
}

fn mutexes_lock() -> TestResult {
    let lock: Arc<Mutex<u32>> = Arc::pin_init(new_mutex!(0, "selftest::mutex"), GFP_KERNEL)?;
    check_eq!(count_together::<MutexBackend>(lock.clone())?, 4 * ROUNDS);
    try_lock(&lock)?;
    let guard: MutexGuard<'_, u32> = lock.lock();
    let other = lock.clone();
    check!(sys::spawn(move || other.try_lock().is_none())?.join());
    drop(guard);
    Ok(())
}

fn spinlocks_lock() -> TestResult {
    let lock: Arc<SpinLock<u32>> = Arc::pin_init(new_spinlock!(0, "selftest::spin"), GFP_KERNEL)?;
    check_eq!(count_together::<SpinLockBackend>(lock.clone())?, 4 * ROUNDS);
    try_lock(&lock)?;
    let guard: SpinLockGuard<'_, u32> = lock.lock();
    check_eq!(*guard, 2);
    Ok(())
}

fn interrupt_safe_spinlocks_lock() -> TestResult {
    let lock: Arc<SpinLockIrq<u32>> = Arc::pin_init(new_spinlock_irq!(0), GFP_KERNEL)?;
    check_eq!(
        count_together::<SpinLockIrqBackend>(lock.clone())?,
        4 * ROUNDS
    );
    try_lock(&lock)?;
    let guard: SpinLockIrqGuard<'_, u32> = lock.lock();
    check_eq!(*guard, 2);
    Ok(())
}

fn locks_of_c_are_wrapped() -> TestResult {
    let state = KBox::new(
        Opaque::<<MutexBackend as Backend>::State>::uninit(),
        GFP_KERNEL,
    )?;
    let class = static_lock_class!();
    // SAFETY: the lock's memory outlives its use, in place.
    unsafe {
        MutexBackend::init(state.get(), c"selftest::raw".as_ptr(), class.as_ptr());
        let lock = Lock::<(), MutexBackend>::from_raw(state.get());
        core::mem::forget(lock.lock());
        // Held, without a guard: this is one.
        drop(Guard::new(lock, ()));
        check!(lock.try_lock().is_some());
    }
    Ok(())
}

fn lock_classes_come_and_go() -> TestResult {
    type Owner = Pin<KBox<LockClassKey>>;
    let class = KBox::pin_init(LockClassKey::new_dynamic(), GFP_KERNEL)?.into_foreign();
    // SAFETY: the class is taken back after the lock has ended.
    let key: Pin<&'static LockClassKey> = unsafe { <Owner as ForeignOwnable>::borrow(class) };
    let value = {
        let lock = KBox::pin_init(Mutex::<u32>::new(7, c"selftest::dynamic", key), GFP_KERNEL)?;
        let value = *lock.lock();
        value
    };
    // SAFETY: from `into_foreign`.
    drop(unsafe { Owner::from_foreign(class) });
    check_eq!(value, 7);
    // SAFETY: a static is never dropped.
    static CLASS: LockClassKey = unsafe { LockClassKey::new_static() };
    check!(CLASS.as_ptr().cast::<()>().cast_const() == (&raw const CLASS).cast());
    Ok(())
}

global_lock! {
    // SAFETY: its one test initialises it, once.
    unsafe(uninit) static GLOBAL_MUTEX: Mutex<u32> = 7;
}
global_lock! {
    // SAFETY: as above.
    unsafe(uninit) static GLOBAL_SPIN: SpinLockIrq<u32> = 5;
}

fn global_locks_lock() -> TestResult {
    static DONE: SetOnce<()> = SetOnce::new();
    if DONE.populate(()) {
        // SAFETY: once, before they are used.
        unsafe {
            GLOBAL_MUTEX.init();
            GLOBAL_SPIN.init();
        }
    }
    let lock: &'static GlobalLock<GLOBAL_MUTEX> = &GLOBAL_MUTEX;
    let mut entry = GlobalLockedBy::<u32, GLOBAL_MUTEX>::new(1);
    {
        let mut guard: GlobalGuard<GLOBAL_MUTEX> = lock.lock();
        *guard += 1;
        *entry.as_mut(&mut guard) += *guard;
        check_eq!(*entry.as_ref(&guard), 9);
    }
    check_eq!(*entry.get_mut(), 9);
    check_eq!(GLOBAL_SPIN.try_lock().as_deref(), Some(&5));
    check_eq!(GLOBAL_SPIN::NAME, c"GLOBAL_SPIN");
    Ok(())
}

fn values_are_protected_from_elsewhere() -> TestResult {
    let owner: Pin<KBox<Mutex<u32>>> = KBox::pin_init(new_mutex!(1), GFP_KERNEL)?;
    let value = LockedBy::new(&owner, 5);
    let mut guard = owner.lock();
    *value.access_mut(&mut *guard) += 1;
    check_eq!(*value.access(&*guard), 6);
    Ok(())
}

selftests! {
    mutexes_lock => [
        kernel_abi::sync::Guard,
        kernel_abi::sync::Guard::as_mut,
        kernel_abi::sync::Guard::lock_ref,
        kernel_abi::sync::Guard::unlocked,
        kernel_abi::sync::Lock,
        kernel_abi::sync::Lock::lock,
        kernel_abi::sync::Lock::try_lock,
        kernel_abi::sync::Mutex,
        kernel_abi::sync::MutexBackend,
        kernel_abi::sync::MutexGuard,
        kernel_abi::new_mutex,
    ];
    spinlocks_lock => [
        kernel_abi::sync::SpinLock,
        kernel_abi::sync::SpinLockBackend,
        kernel_abi::sync::SpinLockGuard,
        kernel_abi::new_spinlock,
    ];
    interrupt_safe_spinlocks_lock => [
        kernel_abi::sync::SpinLockIrq,
        kernel_abi::sync::SpinLockIrqBackend,
        kernel_abi::sync::SpinLockIrqGuard,
        kernel_abi::new_spinlock_irq,
    ];
    locks_of_c_are_wrapped => [
        kernel_abi::static_lock_class,
        kernel_abi::sync::Backend,
        kernel_abi::sync::Guard::new,
        kernel_abi::sync::Lock::from_raw,
    ];
    lock_classes_come_and_go => [
        kernel_abi::sync::Lock::new,
        kernel_abi::sync::LockClassKey,
        kernel_abi::sync::LockClassKey::as_ptr,
        kernel_abi::sync::LockClassKey::new_dynamic,
        kernel_abi::sync::LockClassKey::new_static,
    ];
    global_locks_lock => [
        kernel_abi::global_lock,
        kernel_abi::sync::GlobalGuard,
        kernel_abi::sync::GlobalLock,
        kernel_abi::sync::GlobalLock::init,
        kernel_abi::sync::GlobalLock::lock,
        kernel_abi::sync::GlobalLock::new,
        kernel_abi::sync::GlobalLock::try_lock,
        kernel_abi::sync::GlobalLockBackend,
        kernel_abi::sync::GlobalLockedBy,
        kernel_abi::sync::GlobalLockedBy::as_mut,
        kernel_abi::sync::GlobalLockedBy::as_ref,
        kernel_abi::sync::GlobalLockedBy::get_mut,
        kernel_abi::sync::GlobalLockedBy::new,
    ];
    values_are_protected_from_elsewhere => [
        kernel_abi::sync::LockedBy,
        kernel_abi::sync::LockedBy::access,
        kernel_abi::sync::LockedBy::access_mut,
        kernel_abi::sync::LockedBy::new,
    ];
}
