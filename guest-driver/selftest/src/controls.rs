// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Negative controls: each does one thing that a debug kernel must report. They show that its reports reach what Rust code does.
//!
//! `modprobe kernel_abi_selftest control=NAME` does one instead of the tests. On a kernel that checks nothing they
//! corrupt memory or lock up: for virtual machines alone.
#![allow(unsafe_code)] // the mistakes need it

use core::{ffi::CStr, hint::black_box, mem, ptr};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::{code::EINVAL, Result},
    module_param::ModuleParam,
    new_mutex, new_spinlock,
    sync::Arc,
};

/// What to do.
#[derive(Clone, Copy)]
pub(crate) enum Control {
    /// Nothing: the tests run.
    None,
    /// Writes behind the end of an allocation; KASAN.
    OutOfBounds,
    /// Reads freed memory; KASAN.
    UseAfterFree,
    /// Forgets an allocation; kmemleak.
    Leak,
    /// Takes a sleeping lock inside of a spinlock; DEBUG_ATOMIC_SLEEP.
    AtomicSleep,
    /// Takes two locks in both orders; lockdep.
    LockInversion,
}

impl ModuleParam for Control {
    fn try_from_param_arg(value: &CStr) -> Result<Self> {
        Ok(match value.to_bytes() {
            b"out-of-bounds" => Self::OutOfBounds,
            b"use-after-free" => Self::UseAfterFree,
            b"leak" => Self::Leak,
            b"atomic-sleep" => Self::AtomicSleep,
            b"lock-inversion" => Self::LockInversion,
            _ => return Err(EINVAL),
        })
    }
}

/// Does it.
pub(crate) fn run(control: Control) -> Result {
    match control {
        Control::None => Ok(()),
        Control::OutOfBounds => out_of_bounds(),
        Control::UseAfterFree => use_after_free(),
        Control::Leak => leak(),
        Control::AtomicSleep => atomic_sleep(),
        Control::LockInversion => lock_inversion(),
    }
}

fn out_of_bounds() -> Result {
    let mut bytes = KBox::new([0u8; 40], GFP_KERNEL)?;
    let start: *mut u8 = black_box(ptr::from_mut(&mut *bytes).cast());
    // SAFETY: none, that is the point. The allocator's object has 64 bytes, so nothing else is hit.
    unsafe { start.add(40).write_volatile(1) };
    Ok(())
}

fn use_after_free() -> Result {
    let bytes = KBox::new([7u8; 40], GFP_KERNEL)?;
    let start: *const u8 = black_box(ptr::from_ref(&*bytes).cast());
    drop(bytes);
    // SAFETY: none, that is the point.
    black_box(unsafe { start.read_volatile() });
    Ok(())
}

/// Many: a stale pointer on an old stack keeps one from being found.
fn leak() -> Result {
    for _ in 0..4 {
        mem::forget(black_box(KBox::new([7u8; 40], GFP_KERNEL)?));
    }
    Ok(())
}

fn atomic_sleep() -> Result {
    let spin = Arc::pin_init(new_spinlock!(0, "control_spin"), GFP_KERNEL)?;
    let mutex = Arc::pin_init(new_mutex!(0, "control_inner"), GFP_KERNEL)?;
    let _outer = spin.lock();
    let _inner = mutex.lock();
    Ok(())
}

fn lock_inversion() -> Result {
    let first = Arc::pin_init(new_mutex!(0, "control_first"), GFP_KERNEL)?;
    let second = Arc::pin_init(new_mutex!(0, "control_second"), GFP_KERNEL)?;
    {
        let _outer = first.lock();
        let _inner = second.lock();
    }
    let _outer = second.lock();
    let _inner = first.lock();
    Ok(())
}
