// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Functions whose machine code `cargo xtask test` looks at: locks and counts compile to C's operation and nothing around
//! it. What each may call is in `ci/src/commands/cost.rs`.

use crate::test::TestResult;
use core::pin::Pin;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    new_mutex, new_spinlock, new_spinlock_irq,
    sync::{Arc, Mutex, SpinLock, SpinLockIrq},
};

#[no_mangle]
#[inline(never)]
extern "C" fn kernel_abi_cost_mutex(lock: &Mutex<u64>) {
    *lock.lock() = 1;
}

#[no_mangle]
#[inline(never)]
extern "C" fn kernel_abi_cost_spinlock(lock: &SpinLock<u64>) {
    *lock.lock() = 1;
}

#[no_mangle]
#[inline(never)]
extern "C" fn kernel_abi_cost_spinlock_irq(lock: &SpinLockIrq<u64>) {
    *lock.lock() = 1;
}

#[no_mangle]
#[inline(never)]
extern "C" fn kernel_abi_cost_arc_clone(arc: &Arc<u64>) -> Arc<u64> {
    arc.clone()
}

#[no_mangle]
#[inline(never)]
extern "C" fn kernel_abi_cost_arc_drop(arc: Arc<u64>) {
    drop(arc);
}

fn what_is_looked_at_works() -> TestResult {
    let mutex: Pin<KBox<Mutex<u64>>> = KBox::pin_init(new_mutex!(0), GFP_KERNEL)?;
    let spin: Pin<KBox<SpinLock<u64>>> = KBox::pin_init(new_spinlock!(0), GFP_KERNEL)?;
    let irq: Pin<KBox<SpinLockIrq<u64>>> = KBox::pin_init(new_spinlock_irq!(0), GFP_KERNEL)?;
    kernel_abi_cost_mutex(&mutex);
    kernel_abi_cost_spinlock(&spin);
    kernel_abi_cost_spinlock_irq(&irq);
    check_eq!(*mutex.lock() + *spin.lock() + *irq.lock(), 3);
    let arc = Arc::new(7, GFP_KERNEL)?;
    kernel_abi_cost_arc_drop(kernel_abi_cost_arc_clone(&arc));
    check!(Arc::into_unique_or_drop(arc).is_some());
    Ok(())
}

selftests! {
    what_is_looked_at_works => [];
}
