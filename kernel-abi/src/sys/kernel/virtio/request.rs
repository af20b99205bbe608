// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Requests: memory that belongs to the queue while the device has it.

use crate::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    error::Result,
};

/// What the device reads, what it writes, and what the driver keeps beside it.
pub struct Request<C> {
    readable: KVec<u8>,
    writable: KVec<u8>,
    next: Option<KBox<Request<C>>>,
    /// The driver's own.
    pub context: C,
}

impl<C> Request<C> {
    /// A request that sends `readable` and takes an answer of up to `answer_len` bytes. Sleeps.
    pub fn new(readable: KVec<u8>, answer_len: usize, context: C) -> Result<KBox<Self>> {
        let mut writable = KVec::with_capacity(answer_len, GFP_KERNEL)?;
        for _ in 0..answer_len {
            writable.push(0, GFP_KERNEL)?;
        }
        Ok(KBox::new(
            Self {
                readable,
                writable,
                next: None,
                context,
            },
            GFP_KERNEL,
        )?)
    }

    /// What the device reads. May be changed while the driver has the request.
    pub fn readable_mut(&mut self) -> &mut KVec<u8> {
        &mut self.readable
    }

    /// What the device reads.
    pub fn readable(&self) -> &[u8] {
        &self.readable
    }

    /// What the device wrote, of which only the used length is meaningful.
    pub fn writable(&self) -> &[u8] {
        &self.writable
    }

    pub(super) fn writable_mut(&mut self) -> &mut [u8] {
        &mut self.writable
    }
}

/// A first-in, first-out list of requests that never allocates.
pub struct Fifo<C> {
    front: Option<KBox<Request<C>>>,
    back: Option<KBox<Request<C>>>,
}

impl<C> Default for Fifo<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C> Fifo<C> {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            front: None,
            back: None,
        }
    }

    /// True when there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.front.is_none() && self.back.is_none()
    }

    /// Appends. Any context.
    pub fn push(&mut self, mut request: KBox<Request<C>>) {
        request.next = self.back.take();
        self.back = Some(request);
    }

    /// Puts back what [`Fifo::pop`] gave, to its old place. Any context.
    pub fn push_front(&mut self, mut request: KBox<Request<C>>) {
        request.next = self.front.take();
        self.front = Some(request);
    }

    /// Takes the oldest. Any context; amortised O(1).
    pub fn pop(&mut self) -> Option<KBox<Request<C>>> {
        if self.front.is_none() {
            while let Some(mut request) = self.back.take() {
                self.back = request.next.take();
                self.push_front(request);
            }
        }
        let mut request = self.front.take()?;
        self.front = request.next.take();
        Some(request)
    }
}

impl<C> Drop for Fifo<C> {
    fn drop(&mut self) {
        // One by one: the default drop of a long list recurses.
        while self.pop().is_some() {}
    }
}
