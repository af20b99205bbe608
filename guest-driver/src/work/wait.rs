// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Waiting for a fence in a way that a signal that kills can end.

use drm_core::fence::{Callback, Fence, FenceCallback};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    error::{code::EINTR, Result},
    new_condvar, new_spinlock_irq,
    sync::{Arc, CondVar, SpinLockIrq},
    types::ARef,
};
use pinned_init::{pin_data, pin_init};

#[pin_data]
struct Waiter {
    #[pin]
    over: SpinLockIrq<bool>,
    #[pin]
    woken: CondVar,
}

struct Wake(Arc<Waiter>);

impl Callback for Wake {
    fn signaled(&self) {
        *self.0.over.lock() = true;
        self.0.woken.notify_all();
    }
}

/// Waits until `fence` is over. Sleeps; `EINTR` when the task is killed.
pub(super) fn killable(fence: &Fence) -> Result {
    let waiter = Arc::pin_init(
        pin_init!(Waiter {
            over <- new_spinlock_irq!(false, "wait::Waiter::over"),
            woken <- new_condvar!("wait::Waiter::woken"),
        }),
        GFP_KERNEL,
    )?;
    let Some(callback) = FenceCallback::add(ARef::from(fence), Wake(waiter.clone()))? else {
        return Ok(());
    };
    let mut over = waiter.over.lock();
    while !*over {
        if waiter.woken.wait_killable(&mut over) {
            break;
        }
    }
    let is_over = *over;
    drop(over);
    drop(callback);
    if is_over {
        Ok(())
    } else {
        Err(EINTR)
    }
}
