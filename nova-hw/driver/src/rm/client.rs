// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! An owner's client of RM, with the device and the subdevice under it.

use std::sync::{
    atomic::{AtomicBool, AtomicU32, Ordering},
    Arc,
};

use nova_pci::Pci;
use nova_spec::{
    rm::{
        alloc::{NV0000_ALLOC_PARAMETERS, NV0080_ALLOC_PARAMETERS, NV2080_ALLOC_PARAMETERS},
        object::{self, Free, GspRmAlloc, GspRmControl},
        Class, Control, NvStatus,
    },
    rpc::RpcFunction,
    FormatError,
};
use parking_lot::{FairMutex, FairMutexGuard};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{handle, Object, RmCall, RmError, SharedRm};
use crate::error::Cause;

/// A handle that is taken: the numbers of a client start again after 65536 objects, and some of
/// the first may still be there.
const TAKEN: NvStatus = NvStatus::NV_ERR_INSERT_DUPLICATE_NAME;
/// How many handles are tried: more than there may be objects.
const HANDLES: u32 = 4096;

/// Parameters of a class or a control.
pub(crate) trait Params:
    FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Copy
{
}

impl<T> Params for T where T: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Copy {}

/// The right to make the client's one call.
type Turn<'a> = FairMutexGuard<'a, ()>;

/// A client. Freed when the last of its objects and of its users is.
///
/// One call of a client is under way at a time, whoever makes it, so that its waiting calls have
/// one place in [`SharedRm`]'s line and not many.
pub(crate) struct Client<P: Pci> {
    rm: Arc<SharedRm<P>>,
    handle: u32,
    turn: FairMutex<()>,
    next: AtomicU32,
    is_freed: AtomicBool,
}

impl<P: Pci> Client<P> {
    /// Makes a client with device and subdevice, for the owner with this number.
    pub(crate) fn new(rm: &Arc<SharedRm<P>>, owner: u16, name: &str) -> Result<Arc<Self>, RmError> {
        let handle = handle::client(owner);
        let client = Self {
            rm: rm.clone(),
            handle,
            turn: FairMutex::new(()),
            next: AtomicU32::new(1),
            is_freed: AtomicBool::new(true),
        };
        let root = NV0000_ALLOC_PARAMETERS::new(handle, std::process::id(), name);
        client.alloc_as(0, handle, Class::NV01_ROOT, &root)?;
        // From here on there is something to free.
        client.is_freed.store(false, Ordering::Release);
        let device = NV0080_ALLOC_PARAMETERS::new(handle);
        client.alloc_as(handle, handle::DEVICE, Class::NV01_DEVICE_0, &device)?;
        let subdevice = NV2080_ALLOC_PARAMETERS {
            subDeviceId: 0.into(),
        };
        let class = Class::NV20_SUBDEVICE_0;
        client.alloc_as(handle::DEVICE, handle::SUBDEVICE, class, &subdevice)?;
        Ok(Arc::new(client))
    }

    /// Makes an object below the one with the handle `parent`.
    pub(crate) fn alloc<T: Params>(
        self: &Arc<Self>,
        parent: u32,
        class: Class,
        params: &T,
    ) -> Result<Object<P>, RmError> {
        self.check_open()?;
        for _ in 0..HANDLES {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let handle = handle::base(class) | number & 0xffff;
            match self.alloc_as(parent, handle, class, params) {
                Ok(()) => return Ok(Object::new(self, parent, handle, class)),
                Err(error) if error.status() == Some(TAKEN) => {}
                Err(error) => return Err(error),
            }
        }
        let (call, status) = (RmCall::Alloc(class), TAKEN);
        Err(RmError::Status { call, status })
    }

    fn check_open(&self) -> Result<(), RmError> {
        match self.is_freed.load(Ordering::Acquire) {
            true => Err(RmError::Closed),
            false => Ok(()),
        }
    }

    fn alloc_as<T: Params>(
        &self,
        parent: u32,
        handle: u32,
        class: Class,
        params: &T,
    ) -> Result<(), RmError> {
        let request = GspRmAlloc::encode(self.handle, parent, handle, class, params.as_bytes());
        let call = RmCall::Alloc(class);
        let answer = self.call(call, RpcFunction::GSP_RM_ALLOC, &request)?;
        let (header, _) = GspRmAlloc::decode(&answer).map_err(bad(call))?;
        check(call, header.status.get())
    }

    /// A control of the object with that handle; the parameters as RM leaves them.
    pub(crate) fn control<T: Params>(
        &self,
        object: u32,
        control: Control,
        params: &T,
    ) -> Result<T, RmError> {
        self.check_open()?;
        let request = GspRmControl::encode(self.handle, object, control, params.as_bytes());
        let call = RmCall::Control(control);
        let answer = self.call(call, RpcFunction::GSP_RM_CONTROL, &request)?;
        let (header, params) = GspRmControl::decode(&answer).map_err(bad(call))?;
        check(call, header.status.get())?;
        object::params("control's parameters", params).map_err(bad(call))
    }

    /// GSP-RM, as all clients share it.
    pub(super) fn rm(&self) -> &SharedRm<P> {
        &self.rm
    }

    /// Frees an object. One whose client is gone is gone with it.
    pub(super) fn free(&self, parent: u32, handle: u32, class: Class) -> Result<(), RmError> {
        let turn = self.turn.lock();
        // Under the lock: a client counts as freed when RM has said so.
        match self.is_freed.load(Ordering::Acquire) {
            true => Ok(()),
            false => self.free_as(&turn, parent, handle, class),
        }
    }

    fn free_as(
        &self,
        turn: &Turn<'_>,
        parent: u32,
        handle: u32,
        class: Class,
    ) -> Result<(), RmError> {
        let request = Free::new(self.handle, parent, handle);
        let call = RmCall::Free(class);
        let answer = self.call_in(turn, call, RpcFunction::FREE, request.as_bytes())?;
        let answer = Free::decode(&answer).map_err(bad(call))?;
        check(call, answer.status.get())
    }

    /// Frees the client and all that it has, whoever still has a part of it. Where RM refuses that,
    /// it may still run what the client's users are about to let go: the card is lost.
    pub(crate) fn free_all(&self) -> Result<(), RmError> {
        let turn = self.turn.lock();
        if self.is_freed.load(Ordering::Acquire) {
            return Ok(());
        }
        let freed = match self.free_as(&turn, 0, self.handle, Class::NV01_ROOT) {
            Err(error @ (RmError::Status { .. } | RmError::Answer { .. })) => {
                Err(self.rm.lose(Cause::Rm(Box::new(error))))
            }
            freed => freed,
        };
        // Freed, or there is nobody left who could run it.
        self.is_freed.store(true, Ordering::Release);
        freed
    }

    fn call(
        &self,
        call: RmCall,
        function: RpcFunction,
        request: &[u8],
    ) -> Result<Vec<u8>, RmError> {
        self.call_in(&self.turn.lock(), call, function, request)
    }

    fn call_in(
        &self,
        _turn: &Turn<'_>,
        call: RmCall,
        function: RpcFunction,
        request: &[u8],
    ) -> Result<Vec<u8>, RmError> {
        let (status, answer) = self.rm.call(function, request)?;
        check(call, status.0)?;
        Ok(answer)
    }
}

fn bad(call: RmCall) -> impl Fn(FormatError) -> RmError {
    move |source| RmError::Answer { call, source }
}

fn check(call: RmCall, status: u32) -> Result<(), RmError> {
    let status = NvStatus(status);
    match status.is_ok() {
        true => Ok(()),
        false => Err(RmError::Status { call, status }),
    }
}

impl<P: Pci> Drop for Client<P> {
    fn drop(&mut self) {
        match self.free_all() {
            Ok(()) | Err(RmError::Lost(_) | RmError::Closed) => {}
            Err(error) => tracing::warn!(%error, handle = self.handle, "an RM client stays"),
        }
    }
}
