// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces: where the GPU finds buffers.

use crate::{
    buffer::Buffer,
    gpu::Gpu,
    queue::{Priority, Queue},
    sync::{Signal, Wait},
};
use kernel_abi::uapi::*;
use std::{io, sync::Arc};

/// A change of mappings.
#[derive(Clone, Copy)]
pub enum Op<'a> {
    /// Maps a part of a buffer, over whatever is there.
    Map {
        /// The buffer.
        buffer: &'a Buffer,
        /// GPU virtual address.
        addr: u64,
        /// Bytes into the buffer.
        offset: u64,
        /// Bytes.
        range: u64,
        /// Work may only read.
        read_only: bool,
    },
    /// Reads become zero, and writes have no effect.
    Sparse {
        /// GPU virtual address.
        addr: u64,
        /// Bytes.
        range: u64,
    },
    /// Removes what is there, if anything.
    Unmap {
        /// GPU virtual address.
        addr: u64,
        /// Bytes.
        range: u64,
    },
}

impl Op<'_> {
    fn raw(&self) -> drm_nova_vm_bind_op {
        let none = drm_nova_vm_bind_op::default();
        match *self {
            Op::Map {
                buffer,
                addr,
                offset,
                range,
                read_only,
            } => drm_nova_vm_bind_op {
                op: NOVA_VM_BIND_OP_MAP,
                flags: if read_only { NOVA_VM_BIND_READ_ONLY } else { 0 },
                handle: buffer.handle(),
                addr,
                offset,
                range,
                ..none
            },
            Op::Sparse { addr, range } => drm_nova_vm_bind_op {
                op: NOVA_VM_BIND_OP_MAP,
                flags: NOVA_VM_BIND_SPARSE,
                addr,
                range,
                ..none
            },
            Op::Unmap { addr, range } => drm_nova_vm_bind_op {
                op: NOVA_VM_BIND_OP_UNMAP,
                addr,
                range,
                ..none
            },
        }
    }
}

/// An address space. Dropping the last reference, queues included, ends it.
pub struct AddressSpace {
    gpu: Gpu,
    id: u32,
}

impl AddressSpace {
    pub(crate) fn new(gpu: &Gpu) -> io::Result<Arc<Self>> {
        let mut arg = drm_nova_vm_create::default();
        gpu.ioctl(DRM_NOVA_VM_CREATE, &mut arg)?;
        Ok(Arc::new(Self {
            gpu: gpu.clone(),
            id: arg.vm_id,
        }))
    }

    pub(crate) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The number that events name it by.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Maps a part of a buffer, over whatever is there, and waits until that is done.
    pub fn map(&self, buffer: &Buffer, addr: u64, offset: u64, range: u64) -> io::Result<()> {
        self.change(&[Op::Map {
            buffer,
            addr,
            offset,
            range,
            read_only: false,
        }])
    }

    /// Removes what is mapped in a range, if anything, and waits until that is done.
    pub fn unmap(&self, addr: u64, range: u64) -> io::Result<()> {
        self.change(&[Op::Unmap { addr, range }])
    }

    /// Makes changes in their order, and waits until they are done.
    pub fn change(&self, ops: &[Op]) -> io::Result<()> {
        self.bind(ops, 0, &[], &[])
    }

    /// Makes changes when `waits` are over, and signals `signals` then. All changes of an address space are made in the order of
    /// these calls. Without changes it is a sync point.
    pub fn change_later(&self, ops: &[Op], waits: &[Wait], signals: &[Signal]) -> io::Result<()> {
        self.bind(ops, NOVA_VM_BIND_ASYNC, waits, signals)
    }

    fn bind(&self, ops: &[Op], flags: u32, waits: &[Wait], signals: &[Signal]) -> io::Result<()> {
        let ops: Vec<_> = ops.iter().map(Op::raw).collect();
        let waits: Vec<_> = waits.iter().map(Wait::raw).collect();
        let signals: Vec<_> = signals.iter().map(Signal::raw).collect();
        let mut arg = drm_nova_vm_bind {
            vm_id: self.id,
            op_count: count(&ops)?,
            flags,
            pad: 0,
            op_ptr: ops.as_ptr() as u64,
            wait_count: count(&waits)?,
            sig_count: count(&signals)?,
            wait_ptr: waits.as_ptr() as u64,
            sig_ptr: signals.as_ptr() as u64,
        };
        self.gpu.ioctl(DRM_NOVA_VM_BIND, &mut arg)
    }

    /// Makes a queue on the copy engine that works in this address space.
    pub fn queue(self: &Arc<Self>, priority: Priority) -> io::Result<Queue> {
        Queue::new(self.clone(), priority)
    }
}

/// Elements, as an argument counts them.
pub(crate) fn count<T>(elements: &[T]) -> io::Result<u32> {
    u32::try_from(elements.len()).map_err(io::Error::other)
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        let mut arg = drm_nova_vm_destroy {
            vm_id: self.id,
            pad: 0,
        };
        let _ = self.gpu.ioctl(DRM_NOVA_VM_DESTROY, &mut arg);
    }
}
