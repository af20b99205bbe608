// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Requests of jobs: made before they can no longer fail, and sent when it is their turn.

use super::{
    message,
    token::{Token, Undo, Waiter},
    Answered, Call, Control,
};
use crate::work::{JobFence, QueueOf, Slot};
use drm_core::fence::DriverFence;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::{code::EIO, Result},
    sync::Arc,
    types::ARef,
    virtio::Request,
    virtio_nova::{Hdr, Wire},
};

/// A request's bytes while it is made; the header is written last.
pub(crate) struct Body(KVec<u8>);

impl Body {
    /// Begins with `first`, and has room for so many bytes more. Sleeps.
    pub(crate) fn new(first: &[u8], more: usize) -> Result<Self> {
        let len = Hdr::LEN + first.len();
        let mut bytes = KVec::with_capacity(len.saturating_add(more), GFP_KERNEL)?;
        bytes.resize(Hdr::LEN, 0, GFP_KERNEL)?;
        bytes.extend_from_slice(first, GFP_KERNEL)?;
        Ok(Self(bytes))
    }

    /// Appends. Sleeps.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result {
        Ok(self.0.extend_from_slice(bytes, GFP_KERNEL)?)
    }
}

impl Control {
    /// Makes a request whose answer is told to `fence`, and who waits for it. Sleeps for memory.
    pub(crate) fn job(
        &self,
        command: u32,
        ctx_id: u32,
        body: Body,
        fence: &ARef<DriverFence<JobFence>>,
    ) -> Result<(KBox<Request<Token>>, Call)> {
        let Body(mut bytes) = body;
        message::header(command, ctx_id)
            .put(&mut bytes)
            .ok_or(EIO)?;
        let waiter = Arc::pin_init(Waiter::new(), GFP_KERNEL)?;
        let mut token = Token::new(Some(waiter.clone()), Undo::Nothing);
        token.job = Some(fence.clone());
        let request = Request::new(bytes, Hdr::LEN, token)?;
        Ok((request, Call { waiter }))
    }

    /// Sends it; gives it back when the device is gone or lost, to be dropped in process context. Any context.
    pub(crate) fn send(&self, request: KBox<Request<Token>>) -> Result<(), KBox<Request<Token>>> {
        self.submit(request)
    }
}

impl Call {
    /// Nobody waits for the answer. Process context.
    pub(crate) fn detach(self) {
        self.waiter.detach();
    }
}

impl<R> Answered<R> {
    /// The slot that the request has kept; it has one.
    pub(crate) fn take_slot(&mut self) -> Result<Slot> {
        self.request.context.keep.slot.take().ok_or(EIO)
    }

    /// What the queue that was made has of its address space.
    pub(crate) fn take_queue_of(&mut self) -> Result<QueueOf> {
        self.request.context.keep.queue_of.take().ok_or(EIO)
    }
}
