// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Open files, who has opened them, and their handles.

use super::{
    device::Device, event::EventQueue, gem::AllocImpl, handles::Handles, ioctl, syncobj::SyncObj,
};
use crate::{driver::Driver, file::DriverFile};
use core::{
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    cred::Credential,
    error::{
        code::{EACCES, ENODEV},
        Error, Result,
    },
    new_mutex,
    sync::{Arc, Mutex},
    task::Kuid,
    transmute::{AsBytes, FromBytes},
    types::{ARef, ScopeGuard},
};
use pinned_init::{pin_data, pinned_drop, try_pin_init};

/// The driver's object type of a file.
pub(super) type ObjectOf<F> = <<F as DriverFile>::Driver as Driver>::Object;

/// Which of a device's nodes (`enum drm_minor_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minor {
    /// `card0`: everything, for those who are authenticated.
    Primary,
    /// `renderD128`: what is [`RENDER_ALLOW`](crate::ioctl::RENDER_ALLOW); only with
    /// [`FEAT_RENDER`](Driver::FEAT_RENDER).
    Render,
}

/// An open file of a device, with the driver's [`DriverFile`] behind it. Dropping it closes its
/// handles and then the file.
#[pin_data(PinnedDrop)]
pub struct File<F: DriverFile> {
    device: ARef<Device<F::Driver>>,
    minor: Minor,
    is_admin: bool,
    is_master: bool,
    is_authenticated: AtomicBool,
    #[pin]
    pub(super) handles: Mutex<Handles<ARef<ObjectOf<F>>>>,
    #[pin]
    pub(super) syncobjs: Mutex<Handles<ARef<SyncObj>>>,
    pub(super) events: Arc<EventQueue>,
    inner: Pin<KBox<F>>,
}

impl<F: DriverFile> File<F> {
    /// Opens the render node of a registered device, as open(2) by somebody without privileges does.
    ///
    /// Sleeps. `ENODEV` when the device is not registered or has no render node, `ENOMEM` without memory, and the error
    /// of [`DriverFile::open`].
    ///
    /// ```
    /// # use drm_core::{doctest::*, File};
    /// # with_toy(|device| {
    /// let file = File::<ToyFile>::open(device)?;
    /// assert_eq!(file.handle_count(), 0);
    /// # Ok(())
    /// # });
    /// ```
    pub fn open(device: &Device<F::Driver>) -> Result<Pin<KBox<Self>>> {
        Self::open_minor(device, Minor::Render, false)
    }

    /// Opens a node on behalf of whom `credential` names: root has `CAP_SYS_ADMIN`. As [`File::open_minor`].
    ///
    /// ```
    /// # use drm_core::{doctest::*, File, Minor};
    /// use kernel_abi::{cred::Credential, task::Kuid};
    ///
    /// # with_toy(|device| {
    /// let file = File::<ToyFile>::open_as(device, Minor::Primary, &Credential::current())?;
    /// assert_eq!(file.is_admin(), Kuid::current_euid() == Kuid::from_raw(0));
    /// # Ok(())
    /// # });
    /// ```
    pub fn open_as(
        device: &Device<F::Driver>,
        minor: Minor,
        credential: &Credential,
    ) -> Result<Pin<KBox<Self>>> {
        Self::open_minor(device, minor, credential.euid() == Kuid::from_raw(0))
    }

    /// Opens a node, by somebody who has `CAP_SYS_ADMIN` when `is_admin`.
    ///
    /// Who opens the primary node while it has no master becomes that. An administrator and a master are
    /// authenticated. Errors as [`File::open`].
    pub fn open_minor(
        device: &Device<F::Driver>,
        minor: Minor,
        is_admin: bool,
    ) -> Result<Pin<KBox<Self>>> {
        let has_node = minor == Minor::Primary || F::Driver::FEAT_RENDER;
        if !has_node || !device.is_registered() {
            return Err(ENODEV);
        }
        let inner = F::open(device)?;
        let events = EventQueue::new()?;
        // Last, so that nothing after it fails but the allocation.
        let is_master =
            minor == Minor::Primary && !device.inner().has_master.swap(true, Ordering::AcqRel);
        let demote = ScopeGuard::new(|| {
            if is_master {
                device.inner().has_master.store(false, Ordering::Release);
            }
        });
        let file = KBox::pin_init(
            try_pin_init!(Self {
                device: ARef::from(device),
                minor,
                is_admin,
                is_master,
                is_authenticated: AtomicBool::new(is_admin || is_master),
                handles <- new_mutex!(Handles::new(), "File::handles"),
                syncobjs <- new_mutex!(Handles::new(), "File::syncobjs"),
                events,
                inner,
            }? Error),
            GFP_KERNEL,
        )?;
        demote.dismiss();
        Ok(file)
    }

    /// The driver's part.
    pub fn inner(&self) -> Pin<&F> {
        self.inner.as_ref()
    }

    /// The device.
    pub fn device(&self) -> &Device<F::Driver> {
        &self.device
    }

    /// Which node it was opened by.
    pub fn minor(&self) -> Minor {
        self.minor
    }

    /// Whether it was opened with `CAP_SYS_ADMIN`.
    pub fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// Whether it is the master of the primary node.
    pub fn is_master(&self) -> bool {
        self.is_master
    }

    /// Whether [`AUTH`](crate::ioctl::AUTH) ioctls are its on the primary node.
    pub fn is_authenticated(&self) -> bool {
        self.is_authenticated.load(Ordering::Acquire)
    }

    /// Authenticates `other`, as `DRM_IOCTL_AUTH_MAGIC` does; `EACCES` for who is not master.
    pub fn authenticate(&self, other: &Self) -> Result {
        if !self.is_master {
            return Err(EACCES);
        }
        other.is_authenticated.store(true, Ordering::Release);
        Ok(())
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

    /// Calls the driver's command `cmd`.
    ///
    /// `ENODEV` on a device that is unplugged; `EINVAL` for an unknown command or an argument of another type;
    /// `EACCES` for who may not call it; and the handler's error.
    pub fn ioctl<A: FromBytes + AsBytes>(&self, cmd: u32, arg: &mut A) -> Result<u32> {
        if !self.device.is_registered() {
            return Err(ENODEV);
        }
        ioctl::call(self, cmd, arg)
    }
}

#[pinned_drop]
impl<F: DriverFile> PinnedDrop for File<F> {
    fn drop(self: Pin<&mut Self>) {
        self.events.close();
        loop {
            // One at a time: the driver may use the file.
            let Some(object) = self.handles.lock().pop() else {
                break;
            };
            object.handle_closed(&self);
        }
        if self.is_master {
            self.device
                .inner()
                .has_master
                .store(false, Ordering::Release);
        }
    }
}
