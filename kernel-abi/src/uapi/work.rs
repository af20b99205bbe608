// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces, queues and submissions.
//!
//! The semantics are those of the in-tree drivers with VM_BIND and EXEC: binds of an address space and submissions of a queue
//! complete in order; each begins when what it waits for is complete.
#![allow(non_camel_case_types)] // C's names

/// Makes an address space.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_vm_create {
    /// Out: names it in this file, not zero.
    pub vm_id: u32,
    /// In: zero.
    pub flags: u32,
}

/// Ends an address space and with it all its mappings.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_vm_destroy {
    /// In: an unknown one is `ENOENT`, one with queues `EBUSY`.
    pub vm_id: u32,
    /// In: zero.
    pub pad: u32,
}

/// Bits of `flags` of [`drm_nova_sync`] that say what kind of sync object it is.
pub const NOVA_SYNC_TYPE_MASK: u32 = 0xf;
/// Kind of [`drm_nova_sync`]: binary.
pub const NOVA_SYNC_SYNCOBJ: u32 = 0;
/// Kind of [`drm_nova_sync`]: a point on a timeline.
pub const NOVA_SYNC_TIMELINE_SYNCOBJ: u32 = 1;

/// A sync object to wait for, or to signal.
///
/// One that is waited for has a fence, or the call ends in `EINVAL`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_sync {
    /// [`NOVA_SYNC_SYNCOBJ`] or [`NOVA_SYNC_TIMELINE_SYNCOBJ`].
    pub flags: u32,
    /// The sync object; an unknown one is `ENOENT`.
    pub handle: u32,
    /// The point, not zero, on a timeline; else zero.
    pub timeline_value: u64,
}

/// `op` of [`drm_nova_vm_bind_op`]: maps an object, or nothing when sparse.
pub const NOVA_VM_BIND_OP_MAP: u32 = 0;
/// `op` of [`drm_nova_vm_bind_op`]: removes what is mapped in the range; where nothing is, it does nothing.
pub const NOVA_VM_BIND_OP_UNMAP: u32 = 1;
/// Bit of `flags` of [`drm_nova_vm_bind_op`]: work may only read.
pub const NOVA_VM_BIND_READ_ONLY: u32 = 1 << 0;
/// Bit of `flags` of [`drm_nova_vm_bind_op`]: reads are zero and writes have no effect; `handle` and `offset` are zero.
pub const NOVA_VM_BIND_SPARSE: u32 = 1 << 1;

/// An operation of [`drm_nova_vm_bind`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_vm_bind_op {
    /// [`NOVA_VM_BIND_OP_MAP`], over whatever is mapped, or [`NOVA_VM_BIND_OP_UNMAP`].
    pub op: u32,
    /// [`NOVA_VM_BIND_READ_ONLY`], [`NOVA_VM_BIND_SPARSE`]; zero for unmap.
    pub flags: u32,
    /// The object; an unknown one is `ENOENT`. Zero for unmap.
    pub handle: u32,
    /// Zero.
    pub pad: u32,
    /// GPU virtual address, page-aligned.
    pub addr: u64,
    /// Bytes into the object, page-aligned; zero for unmap.
    pub offset: u64,
    /// Bytes, page-aligned, not zero.
    pub range: u64,
}

/// Bit of `flags` of [`drm_nova_vm_bind`]: the call does not wait for the operations, and takes sync objects.
pub const NOVA_VM_BIND_ASYNC: u32 = 1 << 0;

/// Changes the mappings of an address space.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_vm_bind {
    /// In: the address space; an unknown one is `ENOENT`, a lost one `ENODEV`.
    pub vm_id: u32,
    /// In: operations; none make a sync point.
    pub op_count: u32,
    /// In: [`NOVA_VM_BIND_ASYNC`].
    pub flags: u32,
    /// In: zero.
    pub pad: u32,
    /// In: address of [`drm_nova_vm_bind_op`]s, done in their order.
    pub op_ptr: u64,
    /// In: [`drm_nova_sync`]s to wait for first.
    pub wait_count: u32,
    /// In: [`drm_nova_sync`]s to signal then.
    pub sig_count: u32,
    /// In: address of what to wait for.
    pub wait_ptr: u64,
    /// In: address of what to signal.
    pub sig_ptr: u64,
}

/// `engine` of [`drm_nova_queue_create`]: copies.
pub const NOVA_ENGINE_COPY: u32 = 1;
/// `priority` of [`drm_nova_queue_create`].
pub const NOVA_PRIORITY_LOW: u32 = 0;
/// `priority` of [`drm_nova_queue_create`].
pub const NOVA_PRIORITY_NORMAL: u32 = 1;
/// `priority` of [`drm_nova_queue_create`].
pub const NOVA_PRIORITY_HIGH: u32 = 2;

/// Makes a queue, a GPU channel, that works in an address space.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_queue_create {
    /// In: the address space; an unknown one is `ENOENT`, a lost one `ENODEV`.
    pub vm_id: u32,
    /// In: [`NOVA_ENGINE_COPY`].
    pub engine: u32,
    /// In: [`NOVA_PRIORITY_LOW`] to [`NOVA_PRIORITY_HIGH`].
    pub priority: u32,
    /// In: zero.
    pub flags: u32,
    /// Out: names it in this file, not zero.
    pub queue_id: u32,
    /// In: zero.
    pub pad: u32,
}

/// Ends a queue and what it does.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_queue_destroy {
    /// In: an unknown one is `ENOENT`.
    pub queue_id: u32,
    /// In: zero.
    pub pad: u32,
}

/// Bit of `flags` of [`drm_nova_exec_push`]: fetched only when it is its turn, as a piece that earlier ones write.
pub const NOVA_EXEC_PUSH_NO_PREFETCH: u32 = 1 << 0;

/// A piece of a push buffer: methods.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_exec_push {
    /// GPU virtual address, a multiple of 4.
    pub va: u64,
    /// Bytes, a multiple of 4, not zero.
    pub va_len: u32,
    /// [`NOVA_EXEC_PUSH_NO_PREFETCH`].
    pub flags: u32,
}

/// Submits work to a queue.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_exec {
    /// In: the queue; an unknown one is `ENOENT`, a lost one `ENODEV`.
    pub queue_id: u32,
    /// In: pushes; none make a sync point.
    pub push_count: u32,
    /// In: address of [`drm_nova_exec_push`]es.
    pub push_ptr: u64,
    /// In: [`drm_nova_sync`]s to wait for first.
    pub wait_count: u32,
    /// In: [`drm_nova_sync`]s to signal then.
    pub sig_count: u32,
    /// In: address of what to wait for.
    pub wait_ptr: u64,
    /// In: address of what to signal.
    pub sig_ptr: u64,
}

/// `type` of a DRM event: a queue of this file is lost.
pub const NOVA_EVENT_QUEUE_LOST: u32 = 0x8000_0001;
/// `type` of a DRM event: an address space of this file is lost, and with it its queues.
pub const NOVA_EVENT_VM_LOST: u32 = 0x8000_0002;
/// `type` of a DRM event: the device is lost.
pub const NOVA_EVENT_DEVICE_LOST: u32 = 0x8000_0003;

/// `reason` of [`drm_nova_event_lost`]: an address that is not mapped, or not for this access.
pub const NOVA_LOST_MMU_FAULT: u32 = 1;
/// `reason` of [`drm_nova_event_lost`]: an error in what was submitted.
pub const NOVA_LOST_ENGINE: u32 = 2;
/// `reason` of [`drm_nova_event_lost`]: a submission took too long.
pub const NOVA_LOST_TIMEOUT: u32 = 3;
/// `reason` of [`drm_nova_event_lost`]: ended by the host.
pub const NOVA_LOST_KILLED: u32 = 4;
/// `reason` of [`drm_nova_event_lost`]: the host could not go on with it.
pub const NOVA_LOST_RESOURCES: u32 = 5;
/// `reason` of [`drm_nova_event_lost`]: the host is silent.
pub const NOVA_LOST_HOST: u32 = 6;

/// Header of a DRM event.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_event {
    /// What it is.
    pub type_: u32,
    /// Bytes of the whole event.
    pub length: u32,
}

/// An event: something is lost. Read from the file; it comes once for each that is lost.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct drm_nova_event_lost {
    /// `NOVA_EVENT_*`
    pub base: drm_event,
    /// The queue or the address space; zero for the device.
    pub id: u32,
    /// `NOVA_LOST_*`
    pub reason: u32,
    /// Of a fault the GPU virtual address, else zero.
    pub addr: u64,
}
