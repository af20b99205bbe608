// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `sync`: shared ownership and counts.
#![allow(unsafe_code)] // goes through raw pointers

use crate::{sys, test::TestResult};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    error::Error,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, ArcBorrow, Refcount, UniqueArc,
    },
    types::ForeignOwnable,
};

/// Counts how often it is dropped.
struct Counted(Arc<Atomic<u32>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add(1, Relaxed);
    }
}

fn the_last_reference_drops_the_value() -> TestResult {
    let drops = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    let one = Arc::new(Counted(drops.clone()), GFP_KERNEL)?;
    let two: Arc<Counted> = Arc::pin_init::<Error>(Ok(Counted(drops.clone())), GFP_KERNEL)?;
    check!(Arc::ptr_eq(&one, &one.clone()) && !Arc::ptr_eq(&one, &two));
    let threads = [(); 3].map(|()| {
        let mine = one.clone();
        sys::spawn(move || {
            for _ in 0..1000 {
                drop(mine.clone());
            }
        })
    });
    drop((one, two));
    for thread in threads {
        thread?.join();
    }
    check_eq!(drops.load(Relaxed), 2);
    Ok(())
}

fn references_are_lent_and_given_to_c() -> TestResult {
    let value = Arc::new(7, GFP_KERNEL)?;
    let raw = Arc::into_raw(value.clone());
    // SAFETY: from the line above; lent while the count is there.
    let lent: ArcBorrow<'_, i32> = unsafe { ArcBorrow::from_raw(raw) };
    check!(Arc::ptr_eq(&lent.into(), &value) && raw == Arc::as_ptr(&value));
    // SAFETY: from `into_raw`.
    drop(unsafe { Arc::from_raw(raw) });
    check!(Arc::ptr_eq(&value.as_arc_borrow().into(), &value));
    let foreign = value.into_foreign();
    // SAFETY: from the line above.
    let value = unsafe { Arc::<i32>::from_foreign(foreign) };
    check_eq!(
        Arc::into_unique_or_drop(value).map(|unique| *unique),
        Some(7)
    );
    Ok(())
}

fn unique_values_change_until_they_are_shared() -> TestResult {
    let mut unique = UniqueArc::new([0; 4], GFP_KERNEL)?;
    unique[2] = 7;
    let at = UniqueArc::as_ptr(&unique);
    let shared = Arc::from(unique);
    check!(shared[2] == 7 && Arc::as_ptr(&shared) == at);
    let other = shared.clone();
    check!(Arc::into_unique_or_drop(other).is_none());
    check!(Arc::into_unique_or_drop(shared).is_some());
    check_eq!(*UniqueArc::new_uninit(GFP_KERNEL)?.write(9), 9);
    let mut uninit = UniqueArc::<u32>::new_uninit(GFP_KERNEL)?;
    (*uninit).write(5);
    // SAFETY: just written.
    check_eq!(*unsafe { uninit.assume_init() }, 5);
    check_eq!(*UniqueArc::<u32>::init::<Error>(Ok(4), GFP_KERNEL)?, 4);
    check_eq!(*UniqueArc::<u32>::pin_init::<Error>(Ok(3), GFP_KERNEL)?, 3);
    Ok(())
}

fn counts_count() -> TestResult {
    let count = Refcount::new(1);
    count.inc();
    count.inc();
    check_eq!(count.as_atomic().load(Relaxed), 3);
    count.dec();
    check!(!count.dec_and_test() && count.dec_and_test());
    count.set(1);
    check!(count.dec_and_test());
    Ok(())
}

selftests! {
    the_last_reference_drops_the_value => [
        kernel_abi::sync::Arc,
        kernel_abi::sync::Arc::new,
        kernel_abi::sync::Arc::pin_init,
        kernel_abi::sync::Arc::ptr_eq,
    ];
    references_are_lent_and_given_to_c => [
        kernel_abi::sync::Arc::as_arc_borrow,
        kernel_abi::sync::Arc::as_ptr,
        kernel_abi::sync::Arc::from_raw,
        kernel_abi::sync::Arc::into_raw,
        kernel_abi::sync::ArcBorrow,
        kernel_abi::sync::ArcBorrow::from_raw,
    ];
    unique_values_change_until_they_are_shared => [
        kernel_abi::sync::Arc::into_unique_or_drop,
        kernel_abi::sync::UniqueArc,
        kernel_abi::sync::UniqueArc::as_ptr,
        kernel_abi::sync::UniqueArc::assume_init,
        kernel_abi::sync::UniqueArc::init,
        kernel_abi::sync::UniqueArc::new,
        kernel_abi::sync::UniqueArc::new_uninit,
        kernel_abi::sync::UniqueArc::pin_init,
        kernel_abi::sync::UniqueArc::write,
    ];
    counts_count => [
        kernel_abi::sync::Refcount,
        kernel_abi::sync::Refcount::as_atomic,
        kernel_abi::sync::Refcount::dec,
        kernel_abi::sync::Refcount::dec_and_test,
        kernel_abi::sync::Refcount::inc,
        kernel_abi::sync::Refcount::new,
        kernel_abi::sync::Refcount::set,
    ];
}
