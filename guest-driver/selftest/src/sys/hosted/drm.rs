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

    /// `DRM_IOCTL_SYNCOBJ_CREATE`
    pub(crate) fn syncobj_create(&self, signaled: bool) -> Result<u32> {
        self.0.syncobj_create(signaled)
    }

    /// `DRM_IOCTL_SYNCOBJ_DESTROY`
    pub(crate) fn syncobj_destroy(&self, handle: u32) -> Result {
        self.0.syncobj_destroy(handle)
    }

    /// `DRM_IOCTL_SYNCOBJ_SIGNAL`
    pub(crate) fn syncobj_signal(&self, handle: u32) -> Result {
        self.0.syncobj_signal(handle)
    }

    /// `DRM_IOCTL_SYNCOBJ_RESET`
    pub(crate) fn syncobj_reset(&self, handle: u32) -> Result {
        self.0.syncobj_reset(handle)
    }

    /// `DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL`
    pub(crate) fn syncobj_timeline_signal(&self, handle: u32, point: u64) -> Result {
        self.0.syncobj_timeline_signal(handle, point)
    }

    /// `DRM_IOCTL_SYNCOBJ_QUERY`
    pub(crate) fn syncobj_query(&self, handle: u32) -> Result<u64> {
        self.0.syncobj_query(handle)
    }

    /// `DRM_IOCTL_SYNCOBJ_TRANSFER`
    pub(crate) fn syncobj_transfer(
        &self,
        from: u32,
        from_point: u64,
        to: u32,
        to_point: u64,
    ) -> Result {
        self.0.syncobj_transfer(from, from_point, to, to_point)
    }

    /// `DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT`: for as long as it takes, or not at all.
    pub(crate) fn syncobj_wait(&self, handle: u32, point: u64, patient: bool) -> Result {
        let limit = if patient { 60_000 } else { 0 };
        self.0.syncobj_wait(handle, point, limit)
    }
}
