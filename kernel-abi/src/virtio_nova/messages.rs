// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The configuration space, contexts, memory objects and events.

use super::wire::{wire_struct, Wire};

wire_struct! {
    /// Device configuration space (section 4).
    struct Config = 88 {
        /// [`CONFIG_MAGIC`](super::CONFIG_MAGIC).
        magic: u32,
        /// [`VERSION_MAJOR`](super::VERSION_MAJOR) of the device.
        version_major: u16,
        /// [`VERSION_MINOR`](super::VERSION_MINOR) of the device.
        version_minor: u16,
        /// [`OPTION_WORK`](super::OPTION_WORK); a driver ignores other bits.
        options: u32,
        /// Contexts that may exist at once.
        max_contexts: u32,
        /// Handles that may exist at once, over all contexts.
        max_handles: u32,
        /// Memory entries in one request.
        max_mem_entries: u32,
        /// Largest object, in bytes.
        max_object_size: u64,
        /// Address spaces that may exist at once. This and what follows: with [`OPTION_WORK`](super::OPTION_WORK), else zero.
        max_vms: u32,
        /// Queues that may exist at once.
        max_queues: u32,
        /// Operations in one `VM_BIND`.
        max_bind_ops: u32,
        /// `VM_BIND`s of one address space that are not complete.
        max_binds_in_flight: u32,
        /// Pushes in one `EXEC`.
        max_pushes: u32,
        /// `EXEC`s of one queue that are not complete.
        max_execs_in_flight: u32,
        /// Waits in one `VM_BIND` or `EXEC`.
        max_waits: u32,
        /// Slots of the fence memory, at most [`MAX_FENCE_SLOTS`](super::MAX_FENCE_SLOTS).
        fence_slots: u32,
        /// First GPU virtual address of a driver, a multiple of [`VA_ALIGN`](super::VA_ALIGN).
        va_start: u64,
        /// The first one beyond, at most [`MAX_VA_END`](super::MAX_VA_END).
        va_end: u64,
        /// Milliseconds that a submission may take; zero without a bound.
        work_timeout_ms: u32,
        /// Zero.
        padding: u32,
    }

    /// Header of every request and answer (section 6.1).
    struct Hdr = 24 {
        /// A command, or in an answer a [`Status`](super::Status).
        type_: u32,
        /// Zero.
        flags: u32,
        /// Zero.
        fence_id: u64,
        /// The context, or zero.
        ctx_id: u32,
        /// Zero.
        ring_idx: u8,
        /// Zero.
        padding: [u8; 3],
    }

    /// `NEGOTIATE` after the header.
    struct Negotiate = 8 {
        /// Major version that the driver speaks.
        version_major: u16,
        /// Minor version of the driver.
        version_minor: u16,
        /// Zero.
        padding: u32,
    }

    /// Answer to `NEGOTIATE` after the header.
    struct RespNegotiate = 48 {
        /// Major version of the device.
        version_major: u16,
        /// Minor version of the device.
        version_minor: u16,
        /// Chip, as NV_PMC_BOOT_42 names it (GA102: 0x172).
        chipset: u32,
        /// NV_PMC_BOOT_0.
        boot_0: u32,
        /// NV_PMC_BOOT_42.
        boot_42: u32,
        /// Bytes of video memory on the card.
        vram_size: u64,
        /// Bytes of the card's BAR1.
        vram_bar_size: u64,
        /// ASCII, zero-filled.
        chip_name: [u8; 16],
    }

    /// `CTX_CREATE` after the header.
    struct CtxCreate = 24 {
        /// The opener's process id.
        pid: u32,
        /// The opener's user id.
        uid: u32,
        /// The opener's name; any bytes, zero-filled.
        name: [u8; 16],
    }

    /// Answer to `CTX_CREATE` after the header.
    struct RespCtxCreate = 8 {
        /// The new context, not zero.
        ctx_id: u32,
        /// Zero.
        padding: u32,
    }

    /// A run of guest-physical memory (section 6.4).
    struct MemEntry = 16 {
        /// Guest-physical address, page-aligned.
        addr: u64,
        /// Bytes, a multiple of the page size, not zero.
        length: u32,
        /// Zero.
        padding: u32,
    }

    /// `GEM_CREATE` after the header, before its entries.
    struct GemCreate = 16 {
        /// Bytes, a multiple of the page size, not zero.
        size: u64,
        /// [`DOMAIN_SYSTEM`](super::DOMAIN_SYSTEM) or [`DOMAIN_VRAM`](super::DOMAIN_VRAM).
        domain: u32,
        /// Entries that follow; none for VRAM.
        nr_entries: u32,
    }

    /// Answer to `GEM_CREATE` and `GEM_OPEN` after the header.
    struct RespGemCreate = 8 {
        /// The new handle, not zero.
        handle: u32,
        /// Zero.
        padding: u32,
    }

    /// `GEM_ADD_PAGES` after the header, before its entries.
    struct GemAddPages = 8 {
        /// The object.
        handle: u32,
        /// Entries that follow, at least one.
        nr_entries: u32,
    }

    /// `GEM_CLOSE` after the header.
    struct GemClose = 8 {
        /// The handle to close.
        handle: u32,
        /// Zero.
        padding: u32,
    }

    /// `GEM_OPEN` after the header.
    struct GemOpen = 8 {
        /// A context that has a handle to the object.
        src_ctx_id: u32,
        /// That handle.
        src_handle: u32,
    }

    /// `GEM_CHECKSUM` after the header.
    struct GemChecksum = 32 {
        /// The object.
        handle: u32,
        /// [`CHECKSUM_READ`](super::CHECKSUM_READ) or [`CHECKSUM_FILL`](super::CHECKSUM_FILL).
        op: u32,
        /// Bytes into the object.
        offset: u64,
        /// Bytes, at most [`MAX_CHECKSUM_LENGTH`](super::MAX_CHECKSUM_LENGTH).
        length: u64,
        /// Seed of the pattern; zero for read.
        seed: u64,
    }

    /// Answer to `GEM_CHECKSUM` after the header.
    struct RespGemChecksum = 8 {
        /// CRC-32 of IEEE 802.3 over the range.
        crc32: u32,
        /// Zero.
        padding: u32,
    }

    /// An event (section 7).
    struct Event = 32 {
        /// What happened.
        type_: u32,
        /// Zero.
        flags: u32,
        /// The context, or zero.
        ctx_id: u32,
        /// Zero.
        padding: u32,
        /// As the type says.
        value: [u64; 2],
    }
}
