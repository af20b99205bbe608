// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a program reads when something of its is lost.

use crate::file::NovaFile;
use drm_core::{
    event::{Event, PendingEvent},
    File,
};
use kernel_abi::{
    error::Result,
    uapi::{NOVA_EVENT_DEVICE_LOST, NOVA_EVENT_QUEUE_LOST, NOVA_EVENT_VM_LOST, NOVA_LOST_HOST},
};

/// Why something is lost: a number of the uAPI, and the address of a fault.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reason {
    pub(crate) number: u32,
    pub(crate) addr: u64,
}

/// What follows an event's header.
fn payload(id: u32, reason: Reason) -> [u8; 16] {
    let mut bytes = [0; 16];
    let (words, addr) = bytes.split_at_mut(8);
    let (first, second) = words.split_at_mut(4);
    first.copy_from_slice(&id.to_ne_bytes());
    second.copy_from_slice(&reason.number.to_ne_bytes());
    addr.copy_from_slice(&reason.addr.to_ne_bytes());
    bytes
}

struct QueueLost(u32, Reason);

impl Event for QueueLost {
    const TYPE: u32 = NOVA_EVENT_QUEUE_LOST;
    type Bytes = [u8; 16];

    fn to_bytes(&self) -> [u8; 16] {
        payload(self.0, self.1)
    }
}

struct VmLost(u32, Reason);

impl Event for VmLost {
    const TYPE: u32 = NOVA_EVENT_VM_LOST;
    type Bytes = [u8; 16];

    fn to_bytes(&self) -> [u8; 16] {
        payload(self.0, self.1)
    }
}

struct DeviceIsLost;

impl Event for DeviceIsLost {
    const TYPE: u32 = NOVA_EVENT_DEVICE_LOST;
    type Bytes = [u8; 16];

    fn to_bytes(&self) -> [u8; 16] {
        let reason = Reason {
            number: NOVA_LOST_HOST,
            addr: 0,
        };
        payload(0, reason)
    }
}

/// An event that is sent when a queue or an address space is lost; there is room for it from the beginning.
pub(super) enum LostEvent {
    Queue(u32, PendingEvent<NovaFile>),
    /// With one for the device, as a program has no work without an address space.
    Vm(u32, PendingEvent<NovaFile>, DeviceLost),
}

impl LostEvent {
    /// Of queue `id`. Sleeps; `ENOMEM` without room.
    pub(super) fn queue(file: &File<NovaFile>, id: u32) -> Result<Self> {
        let event = QueueLost(id, Reason::default());
        Ok(Self::Queue(id, PendingEvent::reserve(file, &event)?))
    }

    /// Of address space `id`. Sleeps; `ENOMEM` without room.
    pub(super) fn vm(file: &File<NovaFile>, id: u32, device: DeviceLost) -> Result<Self> {
        let event = VmLost(id, Reason::default());
        Ok(Self::Vm(id, PendingEvent::reserve(file, &event)?, device))
    }

    /// Sends it. Any context.
    pub(super) fn send(self, reason: Reason) {
        let (sent, event) = match self {
            Self::Queue(id, mut event) => (event.update(&QueueLost(id, reason)), event),
            Self::Vm(id, mut event, device) => {
                drop(device);
                (event.update(&VmLost(id, reason)), event)
            }
        };
        if sent.is_ok() {
            event.send();
        }
    }
}

impl LostEvent {
    /// Says that the device is lost, and with it this. Any context.
    pub(super) fn send_device(self) {
        if let Self::Vm(_, event, device) = self {
            drop(event);
            device.send();
        }
    }
}

/// An event that is sent when the device is lost.
pub(crate) struct DeviceLost(PendingEvent<NovaFile>);

impl DeviceLost {
    /// Makes room. Sleeps; `ENOMEM` without.
    pub(crate) fn reserve(file: &File<NovaFile>) -> Result<Self> {
        Ok(Self(PendingEvent::reserve(file, &DeviceIsLost)?))
    }

    /// Sends it. Any context.
    pub(super) fn send(self) {
        self.0.send();
    }
}
