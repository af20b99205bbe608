// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Open files of a DRM device, with the names that the kernel home's have.

use core::pin::Pin;
use drm_core::{Device, Driver, File};
use kernel_abi::{
    alloc::KBox,
    error::Result,
    transmute::{AsBytes, FromBytes},
};

/// An open file. Dropping it closes it.
pub(crate) struct OpenFile<T: Driver>(Pin<KBox<File<T::File>>>);

impl<T: Driver> OpenFile<T> {
    /// Opens the render node.
    pub(crate) fn open(device: &Device<T>) -> Result<Self> {
        Ok(Self(File::open(device)?))
    }

    /// The driver's view of it.
    pub(crate) fn get(&self) -> &File<T::File> {
        &self.0
    }

    /// ioctl(2)
    pub(crate) fn ioctl<A: FromBytes + AsBytes>(&self, cmd: u32, arg: &mut A) -> Result<u32> {
        self.0.ioctl(cmd, arg)
    }

    /// `DRM_IOCTL_GEM_CLOSE`
    pub(crate) fn close_handle(&self, handle: u32) -> Result {
        self.0.delete_handle(handle)
    }

    /// read(2), which does not wait.
    pub(crate) fn read(&self, to: &mut [u8]) -> Result<usize> {
        self.0.read(to, true)
    }

    /// Whether poll(2) says that there is something to read.
    pub(crate) fn is_readable(&self) -> bool {
        self.0.is_readable()
    }
}
