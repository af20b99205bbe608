// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Building blocks: opaque C values, shared ownership by C reference counts, ownership across
//! C callbacks.
//!
//! Follows `rust/kernel/types.rs` and `rust/kernel/sync/aref.rs` of Linux in names and contracts.
#![allow(unsafe_code)] // pointers to values that C owns

use core::{
    cell::UnsafeCell,
    marker::{PhantomData, PhantomPinned},
    mem::{ManuallyDrop, MaybeUninit},
    ops::Deref,
    ptr::NonNull,
};
use pinned_init::PinInit;

/// A C value: it may be uninitialised, it may change at any time, and Rust assumes nothing
/// about it.
#[repr(transparent)]
pub struct Opaque<T> {
    value: UnsafeCell<MaybeUninit<T>>,
    _pin: PhantomPinned,
}

impl<T> Opaque<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self {
            value: UnsafeCell::new(MaybeUninit::new(value)),
            _pin: PhantomPinned,
        }
    }

    /// Memory for a value that C will initialise.
    pub const fn uninit() -> Self {
        Self {
            value: UnsafeCell::new(MaybeUninit::uninit()),
            _pin: PhantomPinned,
        }
    }

    /// Initialises in place by a C function that cannot fail and that gets the address.
    pub fn ffi_init(init: impl FnOnce(*mut T)) -> impl PinInit<Self> {
        let closure = move |slot: *mut Self| {
            init(Self::raw_get(slot));
            Ok::<(), core::convert::Infallible>(())
        };
        // SAFETY: an `Opaque` may be uninitialised, so whatever `init` leaves there is valid.
        unsafe { pinned_init::pin_init_from_closure(closure) }
    }

    /// The address of the C value.
    pub const fn get(&self) -> *mut T {
        UnsafeCell::raw_get(&raw const self.value).cast()
    }

    /// The address of the C value, without a reference to the wrapper.
    pub const fn raw_get(this: *const Self) -> *mut T {
        this.cast_mut().cast()
    }
}

/// A value that counts its references itself.
///
/// # Safety
///
/// The value lives at its address until [`AlwaysRefCounted::dec_ref`] has been called for every count.
pub unsafe trait AlwaysRefCounted {
    /// Adds a count.
    fn inc_ref(&self);

    /// Gives up a count; the last one frees the value.
    ///
    /// # Safety
    ///
    /// The caller has a count and does not use the value through it afterwards.
    unsafe fn dec_ref(this: NonNull<Self>);
}

/// One counted reference to a value.
///
/// # Invariants
///
/// `ptr` points to a live value, of which this owns one count.
pub struct ARef<T: AlwaysRefCounted> {
    ptr: NonNull<T>,
    _owns: PhantomData<T>,
}

// SAFETY: it gives `&T` to wherever it goes, and may free the value there.
unsafe impl<T: AlwaysRefCounted + Send + Sync> Send for ARef<T> {}
// SAFETY: as above; it can be cloned through a shared reference.
unsafe impl<T: AlwaysRefCounted + Send + Sync> Sync for ARef<T> {}

impl<T: AlwaysRefCounted> ARef<T> {
    /// Takes over a count.
    ///
    /// # Safety
    ///
    /// `ptr` is live, and the caller has a count that it does not use any more.
    pub const unsafe fn from_raw(ptr: NonNull<T>) -> Self {
        // INVARIANT: by this function's contract.
        Self {
            ptr,
            _owns: PhantomData,
        }
    }

    /// Gives the count to the caller.
    pub fn into_raw(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).ptr
    }
}

impl<T: AlwaysRefCounted> Clone for ARef<T> {
    fn clone(&self) -> Self {
        self.inc_ref();
        // SAFETY: the count that was just added.
        unsafe { Self::from_raw(self.ptr) }
    }
}

impl<T: AlwaysRefCounted> Deref for ARef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the type invariant.
        unsafe { self.ptr.as_ref() }
    }
}

impl<T: AlwaysRefCounted> From<&T> for ARef<T> {
    fn from(value: &T) -> Self {
        value.inc_ref();
        // SAFETY: the count that was just added.
        unsafe { Self::from_raw(NonNull::from(value)) }
    }
}

impl<T: AlwaysRefCounted> Drop for ARef<T> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        unsafe { T::dec_ref(self.ptr) };
    }
}

/// Runs a function when it is dropped, unless it is dismissed.
pub struct ScopeGuard<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> ScopeGuard<F> {
    /// Runs `cleanup` at the end of the scope.
    pub const fn new(cleanup: F) -> Self {
        Self(Some(cleanup))
    }

    /// Does not run it after all.
    pub fn dismiss(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for ScopeGuard<F> {
    fn drop(&mut self) {
        if let Some(cleanup) = self.0.take() {
            cleanup();
        }
    }
}

/// Makes a type that contains it neither `Send` nor `Sync`.
pub type NotThreadSafe = PhantomData<*mut ()>;

/// The value of the type of the same name.
#[allow(non_upper_case_globals)] // stands where the type's constructor would
pub const NotThreadSafe: NotThreadSafe = PhantomData;

#[cfg(all(test, home = "hosted"))]
mod tests {
    extern crate std;

    use super::*;
    use core::cell::Cell;

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
        assert_eq!(Opaque::raw_get(&raw const *boxed), boxed.get());
    }
}
