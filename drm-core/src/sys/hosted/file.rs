// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Open files and their handles.

use super::{
    device::{Device, Registration},
    gem::AllocImpl,
    handles::Handles,
    ioctl,
};
use crate::{driver::Driver, file::DriverFile};
use core::pin::Pin;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    error::{code::ENODEV, Error, Result},
    new_mutex,
    sync::Mutex,
    types::ARef,
};
use pinned_init::{pin_data, pinned_drop, try_pin_init};

/// The driver's object type of a file.
pub(super) type ObjectOf<F> = <<F as DriverFile>::Driver as Driver>::Object;

/// An open file of a device, with the driver's [`DriverFile`] behind it. Dropping it closes its
/// handles and then the file.
#[pin_data(PinnedDrop)]
pub struct File<F: DriverFile> {
    device: ARef<Device<F::Driver>>,
    #[pin]
    pub(super) handles: Mutex<Handles<ARef<ObjectOf<F>>>>,
    inner: Pin<KBox<F>>,
}

impl<F: DriverFile> File<F> {
    /// Opens a file of a registered device, as open(2) of a render node does.
    pub fn open(registration: &Registration<F::Driver>) -> Result<Pin<KBox<Self>>> {
        let device = ARef::from(registration.device());
        let inner = F::open(&device)?;
        KBox::pin_init(
            try_pin_init!(Self {
                device,
                handles <- new_mutex!(Handles::new(), "File::handles"),
                inner,
            }? Error),
            GFP_KERNEL,
        )
    }

    /// # Safety
    ///
    /// `raw` is an open file of this type, for `'a`.
    #[doc(hidden)]
    pub unsafe fn erased<'a>(raw: *const ()) -> &'a Self {
        // SAFETY: by this function's contract.
        unsafe { &*raw.cast() }
    }

    /// The driver's part.
    pub fn inner(&self) -> Pin<&F> {
        self.inner.as_ref()
    }

    /// The device.
    pub fn device(&self) -> &Device<F::Driver> {
        &self.device
    }

    /// Handles that are open.
    pub fn handle_count(&self) -> usize {
        self.handles.lock().len()
    }

    /// Closes a handle, as `DRM_IOCTL_GEM_CLOSE` does; `ENOENT` when there is none.
    pub fn delete_handle(&self, handle: u32) -> Result {
        let object = self.handles.lock().remove(handle)?;
        object.handle_closed(self);
        Ok(())
    }

    /// Calls driver ioctl `nr` as on a render node: an unknown one, or an argument of another type,
    /// is `EINVAL`; one that a render node does not have is `EACCES`.
    pub fn ioctl<A: 'static>(&self, nr: u32, arg: &mut A) -> Result<u32> {
        if self.device.is_unplugged() {
            return Err(ENODEV);
        }
        ioctl::call(<F::Driver as Driver>::IOCTLS, self, nr, arg)
    }
}

#[pinned_drop]
impl<F: DriverFile> PinnedDrop for File<F> {
    fn drop(self: Pin<&mut Self>) {
        loop {
            // One at a time: the driver may use the file.
            let Some(object) = self.handles.lock().pop() else {
                return;
            };
            object.handle_closed(&self);
        }
    }
}
