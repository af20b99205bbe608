// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A box whose allocation may fail.
//!
//! Follows `rust/kernel/alloc/kbox.rs` of Linux.
#![allow(unsafe_code)] // owns raw memory

mod foreign;
#[cfg(all(test, home = "hosted"))]
pub(super) mod tests;

use super::{flags::__GFP_ZERO, AllocError, Allocator, Flags, KVmalloc, Kmalloc, Vmalloc};
use crate::error::Error;
use core::{
    alloc::Layout,
    borrow::{Borrow, BorrowMut},
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    pin::Pin,
    ptr::{self, NonNull},
};
use pinned_init::{InPlaceWrite, Init, PinInit, Zeroable, ZeroableOption};

/// Owns a value on the heap, in memory of an allocator. Named through [`KBox`], [`VBox`] and [`KVBox`].
///
/// Making one sleeps if its [`Flags`] say that it may, and fails with [`AllocError`] when there is no memory. The value
/// is dropped, and its memory freed, where the box is dropped. A type without size needs no memory.
///
/// ```
/// use kernel_abi::{
///     alloc::{flags::GFP_KERNEL, KBox},
///     error::Error,
/// };
///
/// let mut boxed = KBox::new([1u8; 16], GFP_KERNEL)?;
/// boxed[0] = 2;
/// let raw = KBox::into_raw(boxed);
/// // SAFETY: from the line above.
/// let boxed = unsafe { KBox::from_raw(raw) };
/// assert_eq!(KBox::into_inner(boxed)[..2], [2, 1]);
///
/// let slot = KBox::<u64>::new_uninit(GFP_KERNEL)?;
/// assert_eq!(*slot.write(7), 7);
/// assert_eq!(*KBox::<[u32; 64]>::zeroed(GFP_KERNEL)?, [0; 64]);
/// # Ok::<(), Error>(())
/// ```
///
/// In place, without a copy on the stack:
///
/// ```
/// use kernel_abi::{alloc::{flags::GFP_KERNEL, KBox, KVBox}, error::Error, new_mutex, sync::Mutex};
/// use pinned_init::{pin_data, pin_init};
///
/// #[pin_data]
/// struct Queue {
///     #[pin]
///     pending: Mutex<u32>,
/// }
///
/// let queue = KBox::pin_init(pin_init!(Queue { pending <- new_mutex!(3, "Queue::pending") }), GFP_KERNEL)?;
/// assert_eq!(*queue.pending.lock(), 3);
/// let large = KVBox::init(pinned_init::init_zeroed::<[u8; 1 << 20]>(), GFP_KERNEL)?;
/// assert_eq!(large.len(), 1 << 20);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `ptr` is memory of `A` for the value's layout, dangling for a type without size, and
/// holds a valid value.
#[repr(transparent)]
pub struct Box<T: ?Sized, A: Allocator> {
    ptr: NonNull<T>,
    _owns: PhantomData<(A, T)>,
}

/// A [`Box`] in memory of [`Kmalloc`].
pub type KBox<T> = Box<T, Kmalloc>;
/// A [`Box`] in memory of [`Vmalloc`].
pub type VBox<T> = Box<T, Vmalloc>;
/// A [`Box`] in memory of [`KVmalloc`].
pub type KVBox<T> = Box<T, KVmalloc>;

// SAFETY: it owns its value.
unsafe impl<T: Send + ?Sized, A: Allocator> Send for Box<T, A> {}
// SAFETY: as above.
unsafe impl<T: Sync + ?Sized, A: Allocator> Sync for Box<T, A> {}
// SAFETY: a null pointer stands for `None`.
unsafe impl<T, A: Allocator> ZeroableOption for Box<T, A> {}
// The value stays in place when the box moves.
impl<T: ?Sized, A: Allocator> Unpin for Box<T, A> {}

impl<T, A: Allocator> Box<T, A> {
    /// Puts `value` on the heap.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        let memory = Self::new_uninit(flags)?;
        Ok(memory.write(value))
    }

    /// Memory for a value.
    pub fn new_uninit(flags: Flags) -> Result<Box<MaybeUninit<T>, A>, AllocError> {
        Ok(Box {
            ptr: A::alloc(Layout::new::<T>(), flags)?.cast(),
            _owns: PhantomData,
        })
    }

    /// A value of zeros.
    pub fn zeroed(flags: Flags) -> Result<Self, AllocError>
    where
        T: Zeroable,
    {
        let memory = Self::new_uninit(flags | __GFP_ZERO)?;
        // SAFETY: zeros are valid, by `Zeroable`.
        Ok(unsafe { memory.assume_init() })
    }

    /// Puts `value` on the heap, where it stays in place.
    pub fn pin(value: T, flags: Flags) -> Result<Pin<Self>, AllocError> {
        Ok(Self::new(value, flags)?.into())
    }

    /// Initialises a value in place.
    pub fn init<E>(init: impl Init<T, E>, flags: Flags) -> Result<Self, Error>
    where
        Error: From<E>,
    {
        Ok(Self::new_uninit(flags)?.write_init(init)?)
    }

    /// Initialises a pinned value in place.
    pub fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Pin<Self>, Error>
    where
        Error: From<E>,
    {
        Ok(Self::new_uninit(flags)?.write_pin_init(init)?)
    }

    /// Takes the value out of the box.
    pub fn into_inner(this: Self) -> T {
        // SAFETY: by the type invariant; afterwards the memory is freed and not dropped.
        unsafe {
            let value = this.ptr.as_ptr().read();
            drop(Self::forget_contents(this));
            value
        }
    }

    /// Drops the value and keeps the memory.
    pub fn drop_contents(this: Self) -> Box<MaybeUninit<T>, A> {
        let value = this.ptr.as_ptr();
        // Owned by the result from here on: it is freed if the value's end panics.
        let memory = Self::forget_contents(this);
        // SAFETY: by the type invariant; the memory does not count as a value any more.
        unsafe { ptr::drop_in_place(value) };
        memory
    }

    fn forget_contents(this: Self) -> Box<MaybeUninit<T>, A> {
        let raw = Self::into_raw(this);
        // SAFETY: the same memory; no value is claimed.
        unsafe { Box::from_raw(raw.cast()) }
    }
}

impl<T: ?Sized, A: Allocator> Box<T, A> {
    /// Gives the memory and the value to the caller.
    pub fn into_raw(this: Self) -> *mut T {
        ManuallyDrop::new(this).ptr.as_ptr()
    }

    /// Takes memory and value back. The pointer may have been turned into one to a trait object or a slice.
    ///
    /// # Safety
    ///
    /// `raw` is from [`Box::into_raw`] of the same allocator and is not used any more.
    pub const unsafe fn from_raw(raw: *mut T) -> Self {
        Self {
            // SAFETY: `into_raw` gives no null pointer.
            ptr: unsafe { NonNull::new_unchecked(raw) },
            _owns: PhantomData,
        }
    }

    /// Never frees the value.
    pub fn leak<'a>(this: Self) -> &'a mut T {
        // SAFETY: by the type invariant; nobody frees it any more.
        unsafe { &mut *Self::into_raw(this) }
    }

    /// Keeps the value in place from now on.
    pub fn into_pin(this: Self) -> Pin<Self> {
        this.into()
    }
}

impl<T, A: Allocator> Box<MaybeUninit<T>, A> {
    /// Fills the memory.
    pub fn write(mut self, value: T) -> Box<T, A> {
        MaybeUninit::write(&mut *self, value);
        // SAFETY: just written.
        unsafe { self.assume_init() }
    }

    /// Says that the memory holds a value.
    ///
    /// # Safety
    ///
    /// It does.
    pub unsafe fn assume_init(self) -> Box<T, A> {
        let raw = Box::into_raw(self);
        // SAFETY: the same memory, with a valid value by this function's contract.
        unsafe { Box::from_raw(raw.cast()) }
    }
}

impl<T, A: Allocator> InPlaceWrite<T> for Box<MaybeUninit<T>, A> {
    type Initialized = Box<T, A>;

    fn write_init<E>(mut self, init: impl Init<T, E>) -> Result<Box<T, A>, E> {
        // SAFETY: the memory is for a `T`; on an error it is freed as uninitialised.
        unsafe {
            init.__init(self.as_mut_ptr())?;
            Ok(self.assume_init())
        }
    }

    fn write_pin_init<E>(mut self, init: impl PinInit<T, E>) -> Result<Pin<Box<T, A>>, E> {
        // SAFETY: as in `write_init`; the value is pinned from here on.
        unsafe {
            init.__pinned_init(self.as_mut_ptr())?;
            Ok(self.assume_init().into())
        }
    }
}

impl<T: ?Sized, A: Allocator> Drop for Box<T, A> {
    fn drop(&mut self) {
        let layout = Layout::for_value::<T>(self);
        // SAFETY: by the type invariant; this is the end of it.
        unsafe {
            ptr::drop_in_place(self.ptr.as_ptr());
            A::free(self.ptr.cast(), layout);
        }
    }
}

impl<T: ?Sized, A: Allocator> Deref for Box<T, A> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by the type invariant.
        unsafe { self.ptr.as_ref() }
    }
}

impl<T: ?Sized, A: Allocator> DerefMut for Box<T, A> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by the type invariant.
        unsafe { self.ptr.as_mut() }
    }
}

impl<T: ?Sized, A: Allocator> Borrow<T> for Box<T, A> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: ?Sized, A: Allocator> BorrowMut<T> for Box<T, A> {
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: ?Sized, A: Allocator> From<Box<T, A>> for Pin<Box<T, A>> {
    fn from(boxed: Box<T, A>) -> Self {
        // SAFETY: the value does not move with the box.
        unsafe { Pin::new_unchecked(boxed) }
    }
}

impl<T: fmt::Debug + ?Sized, A: Allocator> fmt::Debug for Box<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<T: fmt::Display + ?Sized, A: Allocator> fmt::Display for Box<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}
