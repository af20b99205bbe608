// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `types`
#![allow(unsafe_code)] // values behind raw pointers

use crate::test::TestResult;
use core::{cell::Cell, ptr::NonNull};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::{code::EBUSY, Result},
    types::{ARef, AlwaysRefCounted, ForeignOwnable, NotThreadSafe, Opaque, ScopeGuard},
};

/// Counts its references, and is never freed.
struct Counted {
    count: Cell<i32>,
    _stays: NotThreadSafe,
}

// SAFETY: the test's value outlives all references to it.
unsafe impl AlwaysRefCounted for Counted {
    fn inc_ref(&self) {
        self.count.set(self.count.get() + 1);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: live, by the contract of this function.
        let count = unsafe { &this.as_ref().count };
        count.set(count.get() - 1);
    }
}

fn counted_references_count() -> TestResult {
    let value = Counted {
        count: Cell::new(1),
        _stays: NotThreadSafe,
    };
    let one = ARef::from(&value);
    let two = one.clone();
    check_eq!(value.count.get(), 3);
    let raw = ARef::into_raw(one);
    // SAFETY: from the line above.
    let one = unsafe { ARef::from_raw(raw) };
    check!(core::ptr::eq(&*one, &*two));
    let foreign = one.into_foreign();
    // SAFETY: from the line above.
    drop(unsafe { ARef::<Counted>::from_foreign(foreign) });
    check_eq!(value.count.get(), 2);
    drop(two);
    check_eq!(value.count.get(), 1);
    Ok(())
}

fn opaque_values_stay_where_c_has_them() -> TestResult {
    let init = Opaque::ffi_init(|slot: *mut u32| {
        // SAFETY: the slot is valid for writes.
        unsafe { slot.write(7) };
    });
    let boxed = KBox::pin_init(init, GFP_KERNEL)?;
    let fails = Opaque::<u32>::try_ffi_init(|_| Err(EBUSY));
    check_eq!(KBox::pin_init(fails, GFP_KERNEL).err(), Some(EBUSY));
    let uninit = Opaque::<u32>::uninit();
    // SAFETY: valid for writes.
    unsafe { uninit.get().write(8) };
    for (value, opaque) in [
        (7, &*boxed),
        (8, &uninit),
        (9, &Opaque::new(9)),
        (0, &Opaque::zeroed()),
    ] {
        // SAFETY: each is initialised.
        check_eq!(unsafe { opaque.get().read() }, value);
        check!(core::ptr::eq(
            Opaque::cast_from(Opaque::cast_into(opaque)),
            opaque
        ));
    }
    Ok(())
}

fn guards_run_unless_dismissed() -> TestResult {
    let runs = Cell::new(0);
    let work = |fails: bool| -> Result {
        let guard = ScopeGuard::new(|| runs.set(runs.get() + 1));
        if fails {
            return Err(EBUSY);
        }
        guard.dismiss();
        Ok(())
    };
    check_eq!((work(true), runs.get()), (Err(EBUSY), 1));
    check_eq!((work(false), runs.get()), (Ok(()), 1));
    let mut data = ScopeGuard::new_with_data(5, |value| runs.set(value));
    *data += 1;
    drop(data);
    check_eq!(runs.get(), 6);
    Ok(())
}

selftests! {
    counted_references_count => [
        kernel_abi::types::ARef,
        kernel_abi::types::ARef::from_raw,
        kernel_abi::types::ARef::into_raw,
        kernel_abi::types::AlwaysRefCounted,
        kernel_abi::types::NotThreadSafe,
    ];
    opaque_values_stay_where_c_has_them => [
        kernel_abi::types::Opaque,
        kernel_abi::types::Opaque::cast_from,
        kernel_abi::types::Opaque::cast_into,
        kernel_abi::types::Opaque::ffi_init,
        kernel_abi::types::Opaque::get,
        kernel_abi::types::Opaque::new,
        kernel_abi::types::Opaque::try_ffi_init,
        kernel_abi::types::Opaque::uninit,
        kernel_abi::types::Opaque::zeroed,
    ];
    guards_run_unless_dismissed => [
        kernel_abi::types::ScopeGuard,
        kernel_abi::types::ScopeGuard::dismiss,
        kernel_abi::types::ScopeGuard::new,
        kernel_abi::types::ScopeGuard::new_with_data,
    ];
}
