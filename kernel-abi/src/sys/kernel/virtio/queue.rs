// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A virtqueue that owns the requests which the device has.

use super::{device::RawQueue, request::Request};
use crate::{
    alloc::KBox,
    bindings,
    error::{to_result, Error},
};
use core::{marker::PhantomData, mem::MaybeUninit};

/// A virtqueue. Methods take `&mut self` because the C calls must not overlap; a driver keeps it in a lock
/// that also keeps its interrupt handler out.
///
/// # Invariants
///
/// `raw` is a queue of a device that has not deleted its queues, and every buffer in it is
/// a `KBox<Request<C>>` that was given up to it.
pub struct Virtqueue<C> {
    raw: *mut bindings::virtqueue,
    _owns: PhantomData<KBox<Request<C>>>,
}

// SAFETY: a queue may be used from any task and from interrupts, one call at a time.
unsafe impl<C: Send> Send for Virtqueue<C> {}

impl<C> Virtqueue<C> {
    /// Takes a queue that was just found, in which there is nothing yet.
    pub fn new(queue: RawQueue) -> Self {
        // INVARIANT: `RawQueue` exists once a queue and is only valid until the queues are deleted.
        Self {
            raw: queue.into_raw(),
            _owns: PhantomData,
        }
    }

    /// Gives a request to the device; gives it back with `ENOSPC` when the ring is full. Any context.
    pub fn add(&mut self, request: KBox<Request<C>>) -> Result<(), (KBox<Request<C>>, Error)> {
        let token = KBox::into_raw(request);
        // SAFETY: `token` is a live request that only this function sees.
        let request = unsafe { &mut *token };
        let (out, out_len) = (request.readable().as_ptr(), request.readable().len());
        let (answer, answer_len) = {
            let writable = request.writable_mut();
            (writable.as_mut_ptr(), writable.len())
        };
        let mut sgs: [MaybeUninit<bindings::scatterlist>; 2] =
            [MaybeUninit::uninit(), MaybeUninit::uninit()];
        let [sg_out, sg_in] = &mut sgs;
        let (mut list, mut nr_out, mut nr_in) = ([core::ptr::null_mut(); 2], 0u32, 0u32);
        if out_len > 0 {
            // SAFETY: the memory is a slab allocation that lives as long as the request.
            unsafe { bindings::nova_sg_init_one(sg_out.as_mut_ptr(), out.cast(), out_len as u32) };
            list[0] = sg_out.as_mut_ptr();
            nr_out = 1;
        }
        if answer_len > 0 {
            // SAFETY: as above.
            unsafe {
                bindings::nova_sg_init_one(sg_in.as_mut_ptr(), answer.cast(), answer_len as u32)
            };
            list[nr_out as usize] = sg_in.as_mut_ptr();
            nr_in = 1;
        }
        // SAFETY: the queue is live, the lists are initialised, and the request stays in place until
        // the device gives it back. GFP_ATOMIC because a lock is held.
        let result = to_result(unsafe {
            bindings::virtqueue_add_sgs(
                self.raw,
                list.as_mut_ptr(),
                nr_out,
                nr_in,
                token.cast(),
                bindings::NOVA_CONST_GFP_ATOMIC,
            )
        });
        // SAFETY: on an error the queue has not taken the request.
        result.map_err(|error| (unsafe { KBox::from_raw(token) }, error))
    }

    /// Takes a request that the device is done with, and the length that it wrote, at most the
    /// room that there was. Any context.
    pub fn get(&mut self) -> Option<(KBox<Request<C>>, usize)> {
        let mut len = 0u32;
        // SAFETY: the queue is live.
        let token = unsafe { bindings::virtqueue_get_buf(self.raw, &mut len) };
        // SAFETY: by the type invariant.
        let request = unsafe { Self::own(token) }?;
        let len = (len as usize).min(request.writable().len());
        Some((request, len))
    }

    /// Takes a request that the device never finished. Only after the device was reset.
    pub fn detach_unused(&mut self) -> Option<KBox<Request<C>>> {
        // SAFETY: the queue is live.
        let token = unsafe { bindings::virtqueue_detach_unused_buf(self.raw) };
        // SAFETY: by the type invariant.
        unsafe { Self::own(token) }
    }

    /// Tells the device of new requests where it wants to know. Any context.
    pub fn kick(&mut self) {
        // SAFETY: the queue is live.
        unsafe { bindings::virtqueue_kick(self.raw) };
    }

    /// Interrupts off until [`Virtqueue::enable_interrupts`]; a hint to the device.
    pub fn disable_interrupts(&mut self) {
        // SAFETY: the queue is live.
        unsafe { bindings::virtqueue_disable_cb(self.raw) };
    }

    /// Interrupts on; false when something is there already.
    pub fn enable_interrupts(&mut self) -> bool {
        // SAFETY: the queue is live.
        unsafe { bindings::virtqueue_enable_cb(self.raw) }
    }

    /// # Safety
    ///
    /// `token` is null or what [`Virtqueue::add`] gave to this queue, and is taken once.
    unsafe fn own(token: *mut core::ffi::c_void) -> Option<KBox<Request<C>>> {
        if token.is_null() {
            return None;
        }
        // SAFETY: by this function's contract.
        Some(unsafe { KBox::from_raw(token.cast()) })
    }
}
