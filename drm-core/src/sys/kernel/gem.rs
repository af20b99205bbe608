// SPDX-License-Identifier: GPL-2.0 OR MIT
//! GEM objects on shmem: pages of the kernel's page cache, mapped cached.
//!
//! C headers: `include/drm/drm_gem.h`, `include/drm/drm_gem_shmem_helper.h`.

use super::{device::Device, file::File};
use crate::{
    driver::Driver,
    file::DriverFile,
    gem::{BaseObject, DriverObject},
};
use core::{
    ffi::c_int,
    mem::{offset_of, zeroed},
    ops::Deref,
    ptr::{self, NonNull},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    bindings,
    error::{
        code::{ENOENT, ENOMEM},
        from_err_ptr, to_result, Result,
    },
    types::{ARef, AlwaysRefCounted, Opaque},
};
use pinned_init::PinInit;

/// A Rust type that is, or embeds, a C GEM object.
pub trait IntoGEMObject: Sized {
    /// The C object.
    fn as_raw(&self) -> *mut bindings::drm_gem_object;

    /// # Safety
    ///
    /// `raw` is embedded in a `Self` that lives for `'a`.
    unsafe fn from_raw<'a>(raw: *mut bindings::drm_gem_object) -> &'a Self;
}

/// A GEM object with the driver's data behind it.
///
/// # Invariants
///
/// `shmem` is an initialised object of `device`, and `data` is initialised.
#[repr(C)]
pub struct Object<T: DriverObject> {
    // First: drm_gem_shmem_free() gives the address of this field to kfree().
    shmem: Opaque<bindings::drm_gem_shmem_object>,
    /// C's object has no reference to its device, and uses it when it is freed.
    device: ARef<Device<T::Driver>>,
    data: T,
}

// SAFETY: C's objects may be used from any task, and so may the data.
unsafe impl<T: DriverObject> Send for Object<T> {}
// SAFETY: C's objects do their own locking; the data is `Sync`.
unsafe impl<T: DriverObject> Sync for Object<T> {}

impl<T: DriverObject> Object<T> {
    const FUNCS: bindings::drm_gem_object_funcs = {
        // SAFETY: all fields may be zero: pointers that C takes as absent.
        let mut funcs: bindings::drm_gem_object_funcs = unsafe { zeroed() };
        funcs.free = Some(Self::free_callback);
        funcs.open = Some(open_callback::<T>);
        funcs.close = Some(close_callback::<T>);
        funcs.mmap = Some(mmap_callback::<T>);
        funcs.vm_ops = &raw const bindings::drm_gem_shmem_vm_ops;
        funcs
    };

    /// Until `data` is initialised, an object must go without dropping it.
    const FUNCS_WITHOUT_DATA: bindings::drm_gem_object_funcs = {
        let mut funcs = Self::FUNCS;
        funcs.free = Some(Self::free_without_data_callback);
        funcs
    };

    /// Makes an object of `size` bytes, a multiple of the page size. Its pages come when they are first
    /// used. Sleeps.
    pub fn new(device: &Device<T::Driver>, size: usize, args: T::Args) -> Result<ARef<Self>> {
        let is_write_combined = T::is_write_combined(&args);
        // SAFETY: the device is live, and its `gem_create_object` makes a `Self`.
        let shmem = unsafe { bindings::drm_gem_shmem_create(device.as_raw(), size) };
        let this = NonNull::new(from_err_ptr(shmem)?.cast::<Self>()).ok_or(ENOMEM)?;
        // SAFETY: the object was just made by `create_object_callback`, with room for `Self`;
        // nobody else knows it, and it does not move. On an error the vtable without
        // data frees it.
        unsafe {
            let object = Self::raw_gem(this.as_ptr());
            bindings::nova_drm_gem_shmem_set_wc(object, is_write_combined);
            let init = T::new(device, size, args);
            if let Err(error) = init.__pinned_init(&raw mut (*this.as_ptr()).data) {
                bindings::nova_drm_gem_object_put(object);
                return Err(error);
            }
            (&raw mut (*this.as_ptr()).device).write(ARef::from(device));
            (*object).funcs = const { &Self::FUNCS };
            Ok(ARef::from_raw(this))
        }
    }

    fn raw_gem(this: *mut Self) -> *mut bindings::drm_gem_object {
        const BASE: usize = offset_of!(bindings::drm_gem_shmem_object, base);
        this.wrapping_byte_add(offset_of!(Self, shmem) + BASE)
            .cast()
    }

    /// The device that the object belongs to.
    pub fn dev(&self) -> &Device<T::Driver> {
        &self.device
    }

    unsafe extern "C" fn free_callback(object: *mut bindings::drm_gem_object) {
        // SAFETY: the last reference to a `Self` is gone.
        unsafe {
            let this = ptr::from_ref(Self::from_raw(object)).cast_mut();
            ptr::drop_in_place(&raw mut (*this).data);
            let device = ptr::read(&raw const (*this).device);
            Self::free_without_data_callback(object);
            drop(device);
        }
    }

    unsafe extern "C" fn free_without_data_callback(object: *mut bindings::drm_gem_object) {
        // SAFETY: the last reference to a `Self` is gone; this frees its memory too.
        unsafe { bindings::drm_gem_shmem_free(object.cast()) };
    }
}

impl<T: DriverObject> IntoGEMObject for Object<T> {
    fn as_raw(&self) -> *mut bindings::drm_gem_object {
        Self::raw_gem(ptr::from_ref(self).cast_mut())
    }

    unsafe fn from_raw<'a>(raw: *mut bindings::drm_gem_object) -> &'a Self {
        const { assert!(offset_of!(bindings::drm_gem_shmem_object, base) == 0) };
        // SAFETY: the caller says that this is a `Self`, in which the C object comes first.
        unsafe { &*raw.cast() }
    }
}

impl<T: DriverObject> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

// SAFETY: GEM objects are reference-counted, and `Self` lives in the same allocation.
unsafe impl<T: DriverObject> AlwaysRefCounted for Object<T> {
    fn inc_ref(&self) {
        // SAFETY: a reference shows that the count is not zero.
        unsafe { bindings::nova_drm_gem_object_get(self.as_raw()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: the caller gives up one count.
        unsafe { bindings::nova_drm_gem_object_put(Self::raw_gem(this.as_ptr())) };
    }
}

/// Pages of an object that stay in place while this lives.
///
/// # Invariants
///
/// The object's pages are pinned once for this value.
pub struct Pages<T: DriverObject>(ARef<Object<T>>);

impl<T: DriverObject> Pages<T> {
    /// Gets and pins all pages of `object`. Sleeps; `ENOMEM` when there are not enough.
    pub fn pin(object: ARef<Object<T>>) -> Result<Self> {
        // SAFETY: the object is live.
        to_result(unsafe { bindings::drm_gem_shmem_pin(object.shmem.get()) })?;
        Ok(Self(object))
    }

    /// The guest-physical address of page `index`, or `None` beyond the end.
    pub fn address(&self, index: usize) -> Option<u64> {
        if index >= self.0.size() >> kernel_abi::virtio_nova::PAGE_SIZE.trailing_zeros() {
            return None;
        }
        // SAFETY: while pinned, `pages` has an entry for each page of the object.
        Some(unsafe {
            let pages = (*self.0.shmem.get()).pages;
            bindings::nova_page_to_phys(*pages.add(index))
        })
    }
}

impl<T: DriverObject> Drop for Pages<T> {
    fn drop(&mut self) {
        // SAFETY: pinned in `pin`.
        unsafe { bindings::drm_gem_shmem_unpin(self.0.shmem.get()) };
    }
}

/// What DRM core calls to get the memory of a new object.
pub(super) unsafe extern "C" fn create_object_callback<O: AllocImpl>(
    _dev: *mut bindings::drm_device,
    _size: usize,
) -> *mut bindings::drm_gem_object {
    O::allocate()
}

/// How DRM core gets the memory for an object of this type.
pub trait AllocImpl: IntoGEMObject + AlwaysRefCounted {
    /// The driver that the object belongs to.
    type Driver: Driver<Object = Self>;

    /// Zeroed memory with the vtable set, or an error pointer.
    #[doc(hidden)]
    fn allocate() -> *mut bindings::drm_gem_object;
}

impl<T> AllocImpl for Object<T>
where
    T: DriverObject,
    T::Driver: Driver<Object = Self>,
{
    type Driver = T::Driver;

    fn allocate() -> *mut bindings::drm_gem_object {
        let Ok(memory) = KBox::<Self>::new_uninit(GFP_KERNEL) else {
            return ptr::without_provenance_mut(ENOMEM.to_errno() as usize);
        };
        let this = KBox::into_raw(memory).cast::<Self>();
        // SAFETY: the memory has room for `Self`; zeros are what the C part starts from.
        unsafe {
            ptr::write_bytes(this.cast::<u8>(), 0, size_of::<Self>());
            let object = Object::raw_gem(this);
            (*object).funcs = const { &Self::FUNCS_WITHOUT_DATA };
            object
        }
    }
}

unsafe extern "C" fn mmap_callback<T: DriverObject>(
    object: *mut bindings::drm_gem_object,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: DRM core calls this with an object of the driver's device, and an area that is being made.
    match T::may_map(unsafe { Object::<T>::from_raw(object) }) {
        // SAFETY: as above.
        Ok(()) => unsafe { bindings::nova_drm_gem_shmem_object_mmap(object, vma) },
        Err(error) => error.to_errno(),
    }
}

unsafe extern "C" fn open_callback<T: DriverObject>(
    object: *mut bindings::drm_gem_object,
    file: *mut bindings::drm_file,
) -> c_int {
    // SAFETY: DRM core calls this with an object and an open file of the driver's device.
    let (object, file) = unsafe { (Object::<T>::from_raw(object), File::from_raw(file)) };
    match T::open(object, file) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

unsafe extern "C" fn close_callback<T: DriverObject>(
    object: *mut bindings::drm_gem_object,
    file: *mut bindings::drm_file,
) {
    // SAFETY: as in `open_callback`.
    let (object, file) = unsafe { (Object::<T>::from_raw(object), File::from_raw(file)) };
    T::close(object, file);
}

/// Bytes of an object.
pub(crate) fn size<O: IntoGEMObject>(object: &O) -> usize {
    // SAFETY: the object is live, and its size does not change.
    unsafe { (*object.as_raw()).size }
}

/// Makes a handle for `object` in `file`. Sleeps; calls [`DriverObject::open`].
pub(crate) fn create_handle<O: IntoGEMObject, F: DriverFile>(
    object: &O,
    file: &File<F>,
) -> Result<u32> {
    let mut handle = 0;
    // SAFETY: both are live.
    to_result(unsafe {
        bindings::drm_gem_handle_create(file.as_raw(), object.as_raw(), &mut handle)
    })?;
    Ok(handle)
}

/// The object behind a handle; `ENOENT` when there is none.
pub(crate) fn lookup_handle<O, F>(file: &File<F>, handle: u32) -> Result<ARef<O>>
where
    O: IntoGEMObject + AlwaysRefCounted,
    F: DriverFile,
{
    // SAFETY: the file is live.
    let raw = unsafe { bindings::drm_gem_object_lookup(file.as_raw(), handle) };
    if raw.is_null() {
        return Err(ENOENT);
    }
    // SAFETY: all objects of a driver's files are the driver's objects; the lookup's count
    // becomes the reference.
    Ok(unsafe { ARef::from_raw(NonNull::from(O::from_raw(raw))) })
}

/// The offset at which the node's mmap shows `object`.
pub(crate) fn create_mmap_offset<O: IntoGEMObject>(object: &O) -> Result<u64> {
    // SAFETY: the object is live.
    unsafe {
        to_result(bindings::drm_gem_create_mmap_offset(object.as_raw()))?;
        Ok(bindings::nova_drm_vma_node_offset_addr(object.as_raw()))
    }
}
