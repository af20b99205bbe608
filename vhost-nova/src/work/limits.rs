// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! How much work a tenant may have under way.

use std::time::Duration;

use kernel_abi::virtio_nova::{BindOp, Config, Exec, FenceSlot, Hdr, Push, VmBind, Wait, Wire};

/// First address of a driver. What is below is the device's, for the rings of its queues.
pub const VA_START: u64 = 4 << 30;
/// The address after a driver's last.
pub const VA_END: u64 = 1 << 40;

/// Limits of one tenant's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkLimits {
    /// Address spaces at once.
    pub max_vms: u32,
    /// Queues at once.
    pub max_queues: u32,
    /// Operations in one bind.
    pub max_bind_ops: u32,
    /// Binds of one address space that are not complete.
    pub max_binds_in_flight: u32,
    /// Pushes in one submission.
    pub max_pushes: u32,
    /// Submissions of one queue that are not complete.
    pub max_execs_in_flight: u32,
    /// Waits in one bind or submission.
    pub max_waits: u32,
    /// How long a submission may take; `None` without a bound.
    pub work_timeout: Option<Duration>,
}

impl Default for WorkLimits {
    fn default() -> Self {
        Self {
            max_vms: 32,
            max_queues: 32,
            max_bind_ops: 256,
            max_binds_in_flight: 64,
            max_pushes: 128,
            max_execs_in_flight: 64,
            max_waits: 64,
            work_timeout: Some(Duration::from_secs(10)),
        }
    }
}

impl WorkLimits {
    /// Slots of the fence memory: one for each owner that there can be, and one for each whose
    /// destruction is under way while its successor is made.
    pub fn fence_slots(&self) -> u32 {
        let slots = self.max_vms.saturating_add(self.max_queues);
        slots.saturating_mul(2).clamp(2, 4096)
    }

    /// Bytes of the fence memory.
    pub fn fence_bytes(&self) -> u32 {
        (self.fence_slots() * FenceSlot::LEN as u32).next_multiple_of(4096)
    }

    /// Bytes of the longest request of this module that can be valid.
    pub fn max_request_len(&self) -> usize {
        let waits = self.max_waits as usize * Wait::LEN;
        let bind = Hdr::LEN + VmBind::LEN + self.max_bind_ops as usize * BindOp::LEN;
        let exec = Hdr::LEN + Exec::LEN + self.max_pushes as usize * Push::LEN;
        bind.max(exec) + waits
    }

    /// Puts these limits into the configuration space (section 4).
    pub fn fill(&self, config: &mut Config) {
        let timeout = self.work_timeout.map_or(0, |it| it.as_millis());
        *config = Config {
            options: config.options | kernel_abi::virtio_nova::OPTION_WORK,
            max_vms: self.max_vms,
            max_queues: self.max_queues,
            max_bind_ops: self.max_bind_ops,
            max_binds_in_flight: self.max_binds_in_flight,
            max_pushes: self.max_pushes,
            max_execs_in_flight: self.max_execs_in_flight,
            max_waits: self.max_waits,
            fence_slots: self.fence_slots(),
            va_start: VA_START,
            va_end: VA_END,
            work_timeout_ms: u32::try_from(timeout).unwrap_or(u32::MAX),
            ..*config
        };
    }
}
