// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Queues: GPU channels that take work.

use crate::{
    sync::{Signal, Wait},
    vm::{count, AddressSpace},
};
use kernel_abi::uapi::*;
use std::{io, sync::Arc};

/// Which queue goes first, where the host cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// After others.
    Low,
    /// Neither.
    #[default]
    Normal,
    /// Before others.
    High,
}

/// A piece of a push buffer.
#[derive(Clone, Copy, Debug)]
pub struct Push {
    /// GPU virtual address, a multiple of 4.
    pub va: u64,
    /// Bytes, a multiple of 4.
    pub len: u32,
    /// Fetched only when it is its turn: pieces in front of it write it.
    pub no_prefetch: bool,
}

/// A queue. Dropping it ends what it does.
pub struct Queue {
    vm: Arc<AddressSpace>,
    id: u32,
}

impl Queue {
    pub(crate) fn new(vm: Arc<AddressSpace>, priority: Priority) -> io::Result<Self> {
        let mut arg = drm_nova_queue_create {
            vm_id: vm.id(),
            engine: NOVA_ENGINE_COPY,
            priority: match priority {
                Priority::Low => NOVA_PRIORITY_LOW,
                Priority::Normal => NOVA_PRIORITY_NORMAL,
                Priority::High => NOVA_PRIORITY_HIGH,
            },
            ..Default::default()
        };
        vm.gpu().ioctl(DRM_NOVA_QUEUE_CREATE, &mut arg)?;
        Ok(Self {
            vm,
            id: arg.queue_id,
        })
    }

    /// The number that events name it by.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Submits pushes, to be done when `waits` are over, and signals `signals` then. Submissions of a queue are done in the order of
    /// these calls. Without pushes it is a sync point. `ENODEV` once the queue is lost.
    pub fn submit(&self, pushes: &[Push], waits: &[Wait], signals: &[Signal]) -> io::Result<()> {
        let pushes: Vec<_> = pushes
            .iter()
            .map(|push| drm_nova_exec_push {
                va: push.va,
                va_len: push.len,
                flags: if push.no_prefetch {
                    NOVA_EXEC_PUSH_NO_PREFETCH
                } else {
                    0
                },
            })
            .collect();
        let waits: Vec<_> = waits.iter().map(Wait::raw).collect();
        let signals: Vec<_> = signals.iter().map(Signal::raw).collect();
        let mut arg = drm_nova_exec {
            queue_id: self.id,
            push_count: count(&pushes)?,
            push_ptr: pushes.as_ptr() as u64,
            wait_count: count(&waits)?,
            sig_count: count(&signals)?,
            wait_ptr: waits.as_ptr() as u64,
            sig_ptr: signals.as_ptr() as u64,
        };
        self.vm.gpu().ioctl(DRM_NOVA_EXEC, &mut arg)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let mut arg = drm_nova_queue_destroy {
            queue_id: self.id,
            pad: 0,
        };
        let _ = self.vm.gpu().ioctl(DRM_NOVA_QUEUE_DESTROY, &mut arg);
    }
}
