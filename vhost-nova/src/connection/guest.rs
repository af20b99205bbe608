// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The guest's side of a session: its device and what it negotiated.

use std::sync::Arc;

use kernel_abi::virtio_nova::{Hdr, Status, Wire};
use virtio_bindings::bindings::virtio_ring::VIRTIO_RING_F_INDIRECT_DESC;
use vm_memory::GuestMemoryMmap;

use crate::device::{Device, MAX_ANSWER};
use crate::limited;
use crate::queue::StateGuard;
use crate::sigbus::Watch;
use crate::tenant::Tenant;

/// A guest's device.
pub struct Guest {
    /// Whose it is.
    pub tenant: Arc<Tenant>,
    /// What the commands work on.
    pub device: Device,
    /// Feature bits that the driver acknowledged.
    pub features: u64,
    /// The memory that may go away under the device.
    pub watch: Watch,
}

impl Guest {
    /// Whether indirect tables were negotiated.
    pub fn has_indirect(&self) -> bool {
        self.features & (1 << VIRTIO_RING_F_INDIRECT_DESC) != 0
    }

    /// Carries a request out and returns the length of its answer.
    pub fn handle(
        &mut self,
        mem: &GuestMemoryMmap,
        request: &[u8],
        answer: &mut [u8; MAX_ANSWER],
    ) -> usize {
        self.check_memory();
        self.check_work();
        let mut len = self.device.handle(mem, request, answer);
        if self.check_memory() {
            // What was just done was done on zero pages: let the lost device answer instead.
            len = self.device.handle(mem, request, answer);
        }
        self.log_answer(request, answer);
        len
    }

    /// Loses the device when its memory went away. True when that has just happened.
    fn check_memory(&mut self) -> bool {
        if !self.watch.is_hit() || self.device.is_lost() {
            return false;
        }
        limited!(
            error,
            self.tenant,
            "the guest's memory went away (its file was truncated?): device lost"
        );
        self.device.mark_lost();
        true
    }

    /// Loses the device when the card is lost, or the fence memory is gone.
    pub fn check_work(&mut self) {
        if self.device.is_work_lost() && !self.device.is_lost() {
            limited!(
                error,
                self.tenant,
                "the GPU or the fence memory is gone: device lost"
            );
            self.device.mark_lost();
        }
    }

    fn log_answer(&self, request: &[u8], answer: &[u8; MAX_ANSWER]) {
        let status = u32::from_le_bytes([answer[0], answer[1], answer[2], answer[3]]);
        if status == Status::Ok as u32 {
            return;
        }
        let command = Hdr::decode(request).map_or(0, |hdr| hdr.type_);
        match Status::from_raw(status) {
            Some(status) => {
                limited!(
                    warn,
                    self.tenant,
                    "request {command:#06x} refused: {status:?}"
                )
            }
            None => limited!(
                warn,
                self.tenant,
                "request {command:#06x}: status {status:#x}"
            ),
        }
    }

    /// Tells the driver that there is something in its used ring.
    pub fn notify(&self, state: &StateGuard<'_>) {
        if let Err(error) = state.signal_used_queue() {
            limited!(warn, self.tenant, "notifying the guest failed: {error}");
        }
    }
}
