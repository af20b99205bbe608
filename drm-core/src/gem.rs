// SPDX-License-Identifier: GPL-2.0 OR MIT
//! GEM objects: memory with handles in open files.
//!
//! C header: `include/drm/drm_gem.h`.

use crate::{driver::Driver, file::DriverFile, sys, Device, File};
use kernel_abi::{
    error::{Error, Result},
    types::{ARef, AlwaysRefCounted},
};
use pinned_init::PinInit;

pub use sys::gem::{AllocImpl, IntoGEMObject, Object};

/// A driver's part of a GEM object.
pub trait DriverObject: Send + Sync + Sized + 'static {
    /// The driver.
    type Driver: Driver<Object = Object<Self>>;
    /// What [`DriverObject::new`] needs to know.
    type Args;

    /// Initialises the driver's part of a new object of `size` bytes.
    fn new(
        device: &Device<Self::Driver>,
        size: usize,
        args: Self::Args,
    ) -> impl PinInit<Self, Error>;

    /// Whether the CPU may map `object`; an error ends mmap(2), through the node or a descriptor of the object.
    fn may_map(object: &Object<Self>) -> Result {
        let _ = object;
        Ok(())
    }

    /// Whether the CPU maps an object with these arguments write-combined; else it maps it cached.
    fn is_write_combined(args: &Self::Args) -> bool {
        let _ = args;
        false
    }

    /// `file` gains a handle to `object`. May sleep; an error ends the call that makes it.
    fn open(object: &Object<Self>, file: &File<<Self::Driver as Driver>::File>) -> Result {
        let _ = (object, file);
        Ok(())
    }

    /// `file` loses a handle to `object`. May sleep.
    fn close(object: &Object<Self>, file: &File<<Self::Driver as Driver>::File>) {
        let _ = (object, file);
    }
}

/// What every GEM object can do.
pub trait BaseObject: IntoGEMObject + AlwaysRefCounted + Sized {
    /// Bytes.
    fn size(&self) -> usize {
        sys::gem::size(self)
    }

    /// Makes a handle in `file`. May sleep; calls [`DriverObject::open`].
    fn create_handle<F: DriverFile>(&self, file: &File<F>) -> Result<u32>
    where
        F::Driver: Driver<Object = Self, File = F>,
    {
        sys::gem::create_handle(self, file)
    }

    /// The object behind a handle of `file`; `ENOENT` when there is none.
    fn lookup_handle<F: DriverFile>(file: &File<F>, handle: u32) -> Result<ARef<Self>>
    where
        F::Driver: Driver<Object = Self, File = F>,
    {
        sys::gem::lookup_handle(file, handle)
    }

    /// Where in the node's address space the object can be mapped.
    fn create_mmap_offset(&self) -> Result<u64> {
        sys::gem::create_mmap_offset(self)
    }
}

impl<O: IntoGEMObject + AlwaysRefCounted> BaseObject for O {}
