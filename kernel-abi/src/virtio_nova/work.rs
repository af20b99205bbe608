// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces, queues and fences: what comes with the option `WORK` (sections 6.5, 6.6 and 8).

use super::wire::{wire_struct, Wire};

wire_struct! {
    /// `FENCE_MEMORY` after the header.
    struct FenceMemory = 16 {
        /// Guest-physical address, page-aligned.
        addr: u64,
        /// Bytes, a multiple of the page size: as many slots there are as lie in it, and not more than the device has.
        length: u32,
        /// Zero.
        padding: u32,
    }

    /// Answer to `GET_INFO` after the header.
    struct RespGetInfo = 72 {
        /// Bytes of video memory that the tenant may have.
        vram_quota: u64,
        /// Bytes that count against it now.
        vram_used: u64,
        /// Bit n: the GPU maps pages of 2^n bytes.
        page_sizes: u64,
        /// Bit n: `QUEUE_CREATE` takes engine n.
        engines: u32,
        /// Class of channels.
        gpfifo_class: u32,
        /// Class of the copy engine, or zero.
        copy_class: u32,
        /// Zero.
        padding: u32,
        /// Zero.
        reserved: [u64; 4],
    }

    /// `VM_CREATE` after the header.
    struct VmCreate = 8 {
        /// Fence slot of its binds.
        slot: u32,
        /// Zero.
        flags: u32,
    }

    /// Answer to `VM_CREATE` after the header.
    struct RespVmCreate = 8 {
        /// The new address space, not zero.
        vm: u32,
        /// Zero.
        padding: u32,
    }

    /// `VM_DESTROY` after the header.
    struct VmDestroy = 16 {
        /// The address space.
        vm: u32,
        /// Zero.
        padding: u32,
        /// Completes when nothing is mapped any more.
        seqno: u64,
    }

    /// `VM_BIND` after the header, before its operations and then its waits.
    struct VmBind = 24 {
        /// The address space.
        vm: u32,
        /// [`BindOp`]s that follow.
        nr_ops: u32,
        /// Completes when the mappings are as the operations say.
        seqno: u64,
        /// [`Wait`]s that follow the operations.
        nr_waits: u32,
        /// Zero.
        padding: u32,
    }

    /// An operation of `VM_BIND`.
    struct BindOp = 40 {
        /// [`BIND_MAP`](super::BIND_MAP) or [`BIND_UNMAP`](super::BIND_UNMAP).
        op: u32,
        /// [`BIND_READ_ONLY`](super::BIND_READ_ONLY), [`BIND_SPARSE`](super::BIND_SPARSE).
        flags: u32,
        /// The object, or zero.
        handle: u32,
        /// Zero.
        padding: u32,
        /// GPU virtual address, page-aligned.
        addr: u64,
        /// Bytes into the object, page-aligned.
        offset: u64,
        /// Bytes, page-aligned, not zero.
        length: u64,
    }

    /// What a bind or a submission waits for.
    struct Wait = 16 {
        /// The fence slot.
        slot: u32,
        /// Zero.
        padding: u32,
        /// The sequence number in it.
        seqno: u64,
    }

    /// `QUEUE_CREATE` after the header.
    struct QueueCreate = 24 {
        /// The address space.
        vm: u32,
        /// Fence slot of its submissions.
        slot: u32,
        /// [`ENGINE_COPY`](super::ENGINE_COPY).
        engine: u32,
        /// [`PRIORITY_LOW`](super::PRIORITY_LOW) to [`PRIORITY_HIGH`](super::PRIORITY_HIGH).
        priority: u32,
        /// Zero.
        flags: u32,
        /// Zero.
        padding: u32,
    }

    /// Answer to `QUEUE_CREATE` after the header.
    struct RespQueueCreate = 8 {
        /// The new queue, not zero.
        queue: u32,
        /// Zero.
        padding: u32,
    }

    /// `QUEUE_DESTROY` after the header.
    struct QueueDestroy = 16 {
        /// The queue.
        queue: u32,
        /// Zero.
        padding: u32,
        /// Completes when nothing of it runs any more.
        seqno: u64,
    }

    /// `EXEC` after the header, before its pushes and then its waits.
    struct Exec = 24 {
        /// The queue.
        queue: u32,
        /// [`Push`]es that follow.
        nr_pushes: u32,
        /// Completes when the work is done.
        seqno: u64,
        /// [`Wait`]s that follow the pushes.
        nr_waits: u32,
        /// Zero.
        padding: u32,
    }

    /// A piece of a push buffer.
    struct Push = 16 {
        /// GPU virtual address, a multiple of 4.
        addr: u64,
        /// Bytes, a multiple of 4, at most [`MAX_PUSH_LENGTH`](super::MAX_PUSH_LENGTH), not zero.
        length: u32,
        /// [`PUSH_NO_PREFETCH`](super::PUSH_NO_PREFETCH).
        flags: u32,
    }

    /// A slot of the fence memory (section 8.1).
    struct FenceSlot = 32 {
        /// Written by the device: the last sequence number that is complete.
        completed: u64,
        /// Written by the driver: an event is wanted for this one, or zero.
        wanted: u64,
        /// Written by the device: the first that ended in error, or zero.
        lost_from: u64,
        /// Zero.
        padding: u64,
    }
}
