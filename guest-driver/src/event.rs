// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The event queue (docs/virtio-nova.md, section 7).

use crate::{
    control::Control,
    work::{Reason, Slots},
};
use kernel_abi::{
    alloc::KVec,
    error::Result,
    new_spinlock_irq, pr_err, pr_warn,
    sync::SpinLockIrq,
    virtio::{Request, Virtqueue},
    virtio_nova::{Event, Wire, EVENT_DEVICE_LOST, EVENT_FENCES, EVENT_QUEUE_LOST, EVENT_VM_LOST},
};
use pinned_init::{pin_data, pin_init, PinInit};

/// Buffers that are kept posted.
const BUFFERS: usize = 8;

/// The event queue of one device.
#[pin_data]
pub(crate) struct Events {
    /// None after the device has stopped.
    #[pin]
    queue: SpinLockIrq<Option<Virtqueue<()>>>,
}

impl Events {
    pub(crate) fn new(queue: Virtqueue<()>) -> impl PinInit<Self> {
        pin_init!(Self {
            queue <- new_spinlock_irq!(Some(queue), "Events::queue"),
        })
    }

    /// Posts the buffers. Sleeps.
    pub(crate) fn post(&self) -> Result {
        for _ in 0..BUFFERS {
            let buffer = Request::new(KVec::new(), Event::LEN, ())?;
            if let Some(queue) = &mut *self.queue.lock() {
                if queue.add(buffer).is_err() {
                    // A ring with fewer entries takes fewer buffers.
                    break;
                }
            }
        }
        if let Some(queue) = &mut *self.queue.lock() {
            queue.kick();
        }
        Ok(())
    }

    /// The queue has events. Interrupt context.
    pub(crate) fn interrupt(&self, control: &Control, slots: Option<&Slots>) {
        let mut queue = self.queue.lock();
        let Some(queue) = &mut *queue else {
            return;
        };
        while let Some((buffer, used)) = queue.get() {
            if let Some(event) = buffer.writable().get(..used).and_then(Event::decode) {
                handle(event, control, slots);
            }
            let _ = queue.add(buffer);
        }
        queue.kick();
    }

    /// The device has been reset: gives up the queue. Sleeps.
    pub(crate) fn stop(&self) {
        let queue = self.queue.lock().take();
        if let Some(mut queue) = queue {
            while queue.detach_unused().is_some() {}
        }
    }
}

fn handle(event: Event, control: &Control, slots: Option<&Slots>) {
    match event.type_ {
        EVENT_DEVICE_LOST => {
            pr_err!("the host reports that the device is lost");
            control.mark_lost();
            if let Some(slots) = slots {
                slots.device_lost();
            }
        }
        EVENT_FENCES => {
            if let Some(slots) = slots {
                slots.interrupt();
            }
        }
        EVENT_QUEUE_LOST | EVENT_VM_LOST => {
            if let Some(slots) = slots {
                let reason = Reason {
                    number: (event.value[0] >> 32) as u32,
                    addr: event.value[1],
                };
                slots.lost(event.value[0] as u32, reason);
            }
        }
        // A newer device may know more.
        other => pr_warn!("ignoring event {other:#x}"),
    }
}
