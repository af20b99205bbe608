// SPDX-License-Identifier: GPL-2.0 OR MIT
//! GEM objects.

use super::{
    device::Device,
    file::{File, ObjectOf},
};
use crate::{driver::Driver, file::DriverFile, gem::DriverObject};
use core::{
    marker::PhantomPinned,
    mem::MaybeUninit,
    ops::Deref,
    ptr::{self, NonNull},
    sync::atomic::{fence, AtomicUsize, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{code::EOPNOTSUPP, Result},
    types::{ARef, AlwaysRefCounted},
};
use pinned_init::PinInit;

/// Objects whose memory a device keeps for new ones.
const POOL: usize = 64;

/// A GEM object with the driver's data behind it.
///
/// # Invariants
///
/// Lives in memory of a [`KBox`] that the last of `references` frees or gives to the pool.
pub struct Object<T: DriverObject> {
    references: AtomicUsize,
    size: usize,
    device: ARef<Device<T::Driver>>,
    data: T,
    _pin: PhantomPinned,
}

/// Memory for objects.
pub struct Pool<T: DriverObject>(KVec<KBox<MaybeUninit<Object<T>>>>);

impl<T: DriverObject> Default for Pool<T> {
    fn default() -> Self {
        Self(KVec::new())
    }
}

impl<T: DriverObject> Object<T> {
    /// Makes an object of `size` bytes.
    pub fn new(device: &Device<T::Driver>, size: usize, args: T::Args) -> Result<ARef<Self>> {
        let pooled = device.inner().pool.lock().0.pop();
        let memory = match pooled {
            Some(memory) => memory,
            None => KBox::new_uninit(GFP_KERNEL)?,
        };
        let init = T::new(device, size, args);
        let raw = KBox::into_raw(memory);
        let this = raw.cast::<Self>();
        // SAFETY: the memory has room for `Self`, which is initialised field by field; on an
        // error only the memory is left, and goes back.
        unsafe {
            if let Err(error) = init.__pinned_init(&raw mut (*this).data) {
                recycle(device, KBox::from_raw(raw));
                return Err(error);
            }
            (&raw mut (*this).references).write(AtomicUsize::new(1));
            (&raw mut (*this).size).write(size);
            (&raw mut (*this).device).write(ARef::from(device));
            Ok(ARef::from_raw(NonNull::new_unchecked(this)))
        }
    }

    /// The device that the object belongs to.
    pub fn dev(&self) -> &Device<T::Driver> {
        &self.device
    }
}

fn recycle<T: DriverObject>(device: &Device<T::Driver>, memory: KBox<MaybeUninit<Object<T>>>) {
    let mut pool = device.inner().pool.lock();
    if pool.0.len() < POOL {
        // Without memory for the list the object's memory is simply freed.
        let _ = pool.0.push(memory, GFP_KERNEL);
    }
}

impl<T: DriverObject> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

// SAFETY: the count is the number of `ARef`s, and the last one ends the object.
unsafe impl<T: DriverObject> AlwaysRefCounted for Object<T> {
    fn inc_ref(&self) {
        self.references.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller has a count, so that the object is live.
        if unsafe { this.as_ref() }
            .references
            .fetch_sub(1, Ordering::Release)
            != 1
        {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: that was the last count: the value ends, its memory is kept.
        unsafe {
            let device = ARef::clone(&this.as_ref().device);
            ptr::drop_in_place(this.as_ptr());
            recycle::<T>(&device, KBox::from_raw(this.as_ptr().cast()));
        }
    }
}

/// A type that is an object of this DRM core.
pub trait IntoGEMObject: Sized {
    /// Bytes.
    fn gem_size(&self) -> usize;
}

impl<T: DriverObject> IntoGEMObject for Object<T> {
    fn gem_size(&self) -> usize {
        self.size
    }
}

/// An object type that files can have handles to.
pub trait AllocImpl: IntoGEMObject + AlwaysRefCounted + Send + Sync + 'static {
    /// The driver that the object belongs to.
    type Driver: Driver<Object = Self>;
    /// What a device keeps of objects that are gone.
    #[doc(hidden)]
    type Pool: Default + Send;

    #[doc(hidden)]
    fn handle_opened(&self, file: &File<<Self::Driver as Driver>::File>) -> Result;

    #[doc(hidden)]
    fn handle_closed(&self, file: &File<<Self::Driver as Driver>::File>);
}

impl<T: DriverObject> AllocImpl for Object<T> {
    type Driver = T::Driver;
    type Pool = Pool<T>;

    fn handle_opened(&self, file: &File<<T::Driver as Driver>::File>) -> Result {
        T::open(self, file)
    }

    fn handle_closed(&self, file: &File<<T::Driver as Driver>::File>) {
        T::close(self, file);
    }
}

/// Bytes of an object.
pub(crate) fn size<O: IntoGEMObject>(object: &O) -> usize {
    object.gem_size()
}

/// Makes a handle for `object` in `file`; calls [`DriverObject::open`].
pub(crate) fn create_handle<F: DriverFile>(object: &ObjectOf<F>, file: &File<F>) -> Result<u32> {
    object.handle_opened(file)?;
    let handle = file.handles.lock().insert(ARef::from(object));
    if handle.is_err() {
        object.handle_closed(file);
    }
    handle
}

/// The object behind a handle; `ENOENT` when there is none.
pub(crate) fn lookup_handle<F: DriverFile>(
    file: &File<F>,
    handle: u32,
) -> Result<ARef<ObjectOf<F>>> {
    file.handles.lock().get(handle).cloned()
}

/// Nothing is mapped through a node here.
pub(crate) fn create_mmap_offset<O: IntoGEMObject>(_object: &O) -> Result<u64> {
    Err(EOPNOTSUPP)
}
