// SPDX-License-Identifier: GPL-2.0 OR MIT
#![allow(unsafe_code)] // goes through the raw pointers

extern crate std;

use super::*;
use core::cell::Cell;
use core::ptr::NonNull;

/// Counts its references, and is never freed.
struct Counted(Cell<i32>);

// SAFETY: the tests' values outlive all references to them.
unsafe impl AlwaysRefCounted for Counted {
    fn inc_ref(&self) {
        self.0.set(self.0.get() + 1);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: live, by the contract of this function.
        let count = unsafe { &this.as_ref().0 };
        count.set(count.get() - 1);
    }
}

#[test]
fn every_reference_has_one_count() {
    let value = Counted(Cell::new(1));
    let one = ARef::from(&value);
    assert_eq!(value.0.get(), 2);
    let two = one.clone();
    assert_eq!((two.0.get(), core::ptr::eq(&*two, &value)), (3, true));
    drop(one);
    assert_eq!(value.0.get(), 2);
    let raw = ARef::into_raw(two);
    assert_eq!(value.0.get(), 2, "the count goes with the pointer");
    // SAFETY: the pointer and its count are from `into_raw`.
    let back = unsafe { ARef::from_raw(raw) };
    assert_eq!(value.0.get(), 2);
    drop(back);
    assert_eq!(value.0.get(), 1);
}

#[test]
fn a_guard_runs_once_unless_it_is_dismissed() {
    let runs = Cell::new(0);
    let run = || runs.set(runs.get() + 1);
    {
        let _guard = ScopeGuard::new(run);
        assert_eq!(runs.get(), 0);
    }
    assert_eq!(runs.get(), 1);
    ScopeGuard::new(run).dismiss();
    assert_eq!(runs.get(), 1);
}

#[test]
fn guards_run_in_reverse_also_when_a_function_returns_early() {
    let order = std::cell::RefCell::new(std::vec::Vec::new());
    let work = |fail: bool| {
        let _first = ScopeGuard::new(|| order.borrow_mut().push(1));
        let second = ScopeGuard::new(|| order.borrow_mut().push(2));
        if fail {
            return Err(());
        }
        second.dismiss();
        Ok(())
    };
    assert_eq!(work(true), Err(()));
    assert_eq!(order.take(), [2, 1]);
    assert_eq!(work(false), Ok(()));
    assert_eq!(order.take(), [1]);
}

#[test]
fn opaque_values_are_initialised_where_they_lie() {
    let seen = Cell::new(core::ptr::null_mut());
    let init = Opaque::ffi_init(|slot: *mut u32| {
        seen.set(slot);
        // SAFETY: the slot is valid for writes.
        unsafe { slot.write(7) };
    });
    let flags = crate::alloc::flags::GFP_KERNEL;
    let boxed = crate::alloc::KBox::pin_init(init, flags).unwrap();
    assert_eq!(boxed.get(), seen.get());
    // SAFETY: initialised above.
    assert_eq!(unsafe { boxed.get().read() }, 7);
    assert_eq!(Opaque::cast_into(&raw const *boxed), boxed.get());
}

#[test]
fn a_guard_has_its_value_until_it_ends() {
    let dropped = std::rc::Rc::new(());
    let last = Cell::new(0);
    let mut guard = ScopeGuard::new_with_data((1, dropped.clone()), |(value, _)| last.set(value));
    guard.0 += 1;
    assert_eq!((guard.0, std::rc::Rc::strong_count(&dropped)), (2, 2));
    drop(guard);
    assert_eq!((last.get(), std::rc::Rc::strong_count(&dropped)), (2, 1));
    let kept = ScopeGuard::new_with_data((3, dropped.clone()), |(value, _)| last.set(value));
    assert_eq!(kept.dismiss().0, 3);
    assert_eq!((last.get(), std::rc::Rc::strong_count(&dropped)), (2, 1));
}

#[test]
fn opaque_values_may_fail_to_be_made() {
    use crate::error::code::EBUSY;
    let flags = crate::alloc::flags::GFP_KERNEL;
    let fails = Opaque::<u32>::try_ffi_init(|_| Err(EBUSY));
    assert_eq!(
        crate::alloc::KBox::pin_init(fails, flags).err(),
        Some(EBUSY)
    );
    let wrapped = <Opaque<u32> as pinned_init::Wrapper<u32>>::pin_init(9);
    let wrapped = crate::alloc::KBox::pin_init(wrapped, flags).unwrap();
    for (value, opaque) in [(9, &*wrapped), (8, &Opaque::new(8)), (0, &Opaque::zeroed())] {
        // SAFETY: each is initialised.
        assert_eq!(unsafe { opaque.get().read() }, value);
        assert!(core::ptr::eq(Opaque::cast_from(opaque.get()), opaque));
    }
}

#[test]
fn c_keeps_owners() {
    let value = Counted(Cell::new(1));
    let foreign = ARef::from(&value).into_foreign();
    assert_eq!(
        (
            value.0.get(),
            foreign.addr() % ARef::<Counted>::FOREIGN_ALIGN
        ),
        (2, 0)
    );
    // SAFETY: from `into_foreign`, and taken back once, after it was lent.
    unsafe {
        let lent = <ARef<Counted> as ForeignOwnable>::borrow(foreign);
        let again = <ARef<Counted> as ForeignOwnable>::borrow_mut(foreign);
        assert!(core::ptr::eq(lent, &value) && core::ptr::eq(again, &value));
        drop(<ARef<Counted> as ForeignOwnable>::try_from_foreign(foreign));
        assert!(
            <ARef<Counted> as ForeignOwnable>::try_from_foreign(core::ptr::null_mut()).is_none()
        );
        let unit = ().into_foreign();
        assert!(!unit.is_null());
        <() as ForeignOwnable>::borrow(unit);
        <() as ForeignOwnable>::from_foreign(unit);
    }
    assert_eq!(value.0.get(), 1);
}
