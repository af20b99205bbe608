// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Events, in memory that DRM core frees.
//!
//! C header: `include/drm/drm_file.h`.

use super::{device::Device, file::File};
use crate::{
    event::{Event, HEADER},
    file::DriverFile,
};
use core::{
    alloc::Layout,
    mem::{offset_of, ManuallyDrop},
    ptr::{self, NonNull},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, Allocator, Kmalloc},
    bindings,
    error::{
        code::{EINVAL, ENOMEM},
        to_result, Result,
    },
    types::ARef,
};

/// What is allocated for an event; its payload follows.
///
/// `pending` comes first, because DRM core gives its address to kfree().
#[repr(C)]
struct Memory {
    pending: bindings::drm_pending_event,
    event: bindings::drm_event,
}

const _: () = assert!(offset_of!(Memory, event) + HEADER == size_of::<Memory>());

/// An event with room in its file's queue, not sent yet (`struct drm_pending_event`).
///
/// Dropping it gives the room back (`drm_event_cancel_free()`). It may outlive its file.
///
/// # Invariants
///
/// `memory` was initialised by `drm_event_reserve_init()` for a file of `device`, and was neither sent nor freed.
pub struct PendingEvent<F: DriverFile> {
    memory: NonNull<Memory>,
    device: ARef<Device<F::Driver>>,
}

// SAFETY: DRM core's list of pending events has a lock, and so any task may send or cancel one.
unsafe impl<F: DriverFile> Send for PendingEvent<F> {}
// SAFETY: there is nothing to do with a shared reference.
unsafe impl<F: DriverFile> Sync for PendingEvent<F> {}

impl<F: DriverFile> PendingEvent<F> {
    /// Reserves room in the queue of `file` (`drm_event_reserve_init()`). Sleeps for memory; `ENOMEM` when there is
    /// none, or no room: a file has [`SPACE`](crate::event::SPACE) bytes for what is pending and what was not
    /// read.
    pub fn reserve<E: Event>(file: &File<F>, event: &E) -> Result<Self> {
        let payload = event.to_bytes();
        let payload = payload.as_ref();
        let length = HEADER.checked_add(payload.len()).ok_or(ENOMEM)?;
        let length = u32::try_from(length).map_err(|_| ENOMEM)?;
        let bytes = Layout::array::<u8>(payload.len()).map_err(|_| ENOMEM)?;
        let layout = Layout::new::<Memory>().extend(bytes);
        let (layout, at) = layout.map_err(|_| ENOMEM)?;
        let raw = Kmalloc::alloc(layout, GFP_KERNEL)?.cast::<u8>();
        let memory = raw.cast::<Memory>();
        let device = file.device();
        // SAFETY: there is room for `Memory` and, behind it, the payload. Zeros are what DRM core starts from. On an error
        // nobody else knows the memory.
        let reserved = unsafe {
            memory.write_bytes(0, 1);
            ptr::copy_nonoverlapping(payload.as_ptr(), raw.as_ptr().add(at), payload.len());
            let memory = memory.as_ptr();
            (*memory).event.type_ = E::TYPE;
            (*memory).event.length = length;
            to_result(bindings::drm_event_reserve_init(
                device.as_raw(),
                file.as_raw(),
                &raw mut (*memory).pending,
                &raw mut (*memory).event,
            ))
        };
        if let Err(error) = reserved {
            // SAFETY: allocated above, and known to nobody.
            unsafe { Kmalloc::free(raw, layout) };
            return Err(error);
        }
        // INVARIANT: just reserved.
        Ok(Self {
            memory,
            device: ARef::from(device),
        })
    }

    /// Says something else of the same kind and length, before it is sent; `EINVAL` when it is another. Any context.
    pub fn update<E: Event>(&mut self, event: &E) -> Result {
        let payload = event.to_bytes();
        let payload = payload.as_ref();
        // SAFETY: by the type invariant; the payload follows, as `reserve` laid it out, and is as long as the header says.
        unsafe {
            let header = &raw const (*self.memory.as_ptr()).event;
            if (*header).type_ != E::TYPE || (*header).length as usize != HEADER + payload.len() {
                return Err(EINVAL);
            }
            let to = self.memory.add(1).cast::<u8>().as_ptr();
            ptr::copy_nonoverlapping(payload.as_ptr(), to, payload.len());
        }
        Ok(())
    }

    /// Sends it (`drm_send_event()`): the file becomes readable. Nothing happens when the file is closed.
    ///
    /// Any context, as long as somebody else has a reference to the device: the last one is given up in process context.
    pub fn send(self) {
        let this = ManuallyDrop::new(self);
        // SAFETY: by the type invariant; the memory is DRM core's from here on, and the device is live.
        unsafe {
            bindings::drm_send_event(this.device.as_raw(), this.memory.as_ptr().cast());
            drop(ptr::read(&this.device));
        }
    }
}

impl<F: DriverFile> Drop for PendingEvent<F> {
    fn drop(&mut self) {
        // SAFETY: by the type invariant; this is the end of it.
        unsafe {
            bindings::drm_event_cancel_free(self.device.as_raw(), self.memory.as_ptr().cast());
        }
    }
}
