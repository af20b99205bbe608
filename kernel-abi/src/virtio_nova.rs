// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The wire format of the virtio-nova device, spoken by the guest driver and the daemon.
//!
//! Follows `docs/virtio-nova.md`; the section numbers below are that document's. Encoding and
//! decoding only: little-endian, no unsafe, no panic, and nothing is checked here but lengths.

mod messages;
mod status;
mod wire;
mod work;

pub use self::{messages::*, status::Status, wire::Wire, work::*};

/// Virtio device id: "ioMemory" in the VIRTIO id table, which nothing else claims (section 1).
pub const VIRTIO_ID_NOVA: u32 = 6;
/// "NOVA" at offset 0 of the configuration space (section 4).
pub const CONFIG_MAGIC: u32 = u32::from_le_bytes(*b"NOVA");
/// Protocol major version; another major does not interoperate.
pub const VERSION_MAJOR: u16 = 1;
/// Protocol minor version; grows with additions.
pub const VERSION_MINOR: u16 = 1;

/// Index of the control queue (section 2).
pub const QUEUE_CONTROL: u32 = 0;
/// Index of the event queue (section 2).
pub const QUEUE_EVENT: u32 = 1;

/// Bytes; addresses, lengths and object sizes are multiples of it (section 6.4).
pub const PAGE_SIZE: u64 = 4096;
/// Bytes that one `GEM_CHECKSUM` may cover.
pub const MAX_CHECKSUM_LENGTH: u64 = 1 << 20;

/// `NEGOTIATE`
pub const CMD_NEGOTIATE: u32 = 0x0100;
/// `CTX_CREATE`
pub const CMD_CTX_CREATE: u32 = 0x0101;
/// `CTX_DESTROY`
pub const CMD_CTX_DESTROY: u32 = 0x0102;
/// `FENCE_MEMORY`
pub const CMD_FENCE_MEMORY: u32 = 0x0103;
/// `GET_INFO`
pub const CMD_GET_INFO: u32 = 0x0104;
/// `GEM_CREATE`
pub const CMD_GEM_CREATE: u32 = 0x0110;
/// `GEM_ADD_PAGES`
pub const CMD_GEM_ADD_PAGES: u32 = 0x0111;
/// `GEM_CLOSE`
pub const CMD_GEM_CLOSE: u32 = 0x0112;
/// `GEM_OPEN`
pub const CMD_GEM_OPEN: u32 = 0x0113;
/// `GEM_CHECKSUM`
pub const CMD_GEM_CHECKSUM: u32 = 0x0120;
/// `VM_CREATE`
pub const CMD_VM_CREATE: u32 = 0x0130;
/// `VM_DESTROY`
pub const CMD_VM_DESTROY: u32 = 0x0131;
/// `VM_BIND`
pub const CMD_VM_BIND: u32 = 0x0132;
/// `QUEUE_CREATE`
pub const CMD_QUEUE_CREATE: u32 = 0x0140;
/// `QUEUE_DESTROY`
pub const CMD_QUEUE_DESTROY: u32 = 0x0141;
/// `EXEC`
pub const CMD_EXEC: u32 = 0x0142;

/// Bit of `options`: VRAM objects, address spaces, queues and fences (section 4).
pub const OPTION_WORK: u32 = 1 << 0;

/// `domain` of `GEM_CREATE`: pages of the guest's memory.
pub const DOMAIN_SYSTEM: u32 = 1;
/// `domain` of `GEM_CREATE`: video memory; with [`OPTION_WORK`].
pub const DOMAIN_VRAM: u32 = 2;
/// `op` of `GEM_CHECKSUM`: checksum what is there.
pub const CHECKSUM_READ: u32 = 0;
/// `op` of `GEM_CHECKSUM`: write the pattern of `seed`, then checksum it.
pub const CHECKSUM_FILL: u32 = 1;

/// `op` of [`BindOp`]: map an object, or nothing when sparse.
pub const BIND_MAP: u32 = 0;
/// `op` of [`BindOp`]: remove what is mapped.
pub const BIND_UNMAP: u32 = 1;
/// Bit of `flags` of [`BindOp`]: work may only read.
pub const BIND_READ_ONLY: u32 = 1 << 0;
/// Bit of `flags` of [`BindOp`]: reads are zero, writes have no effect.
pub const BIND_SPARSE: u32 = 1 << 1;
/// Bit of `flags` of [`Push`]: fetched only when it is its turn.
pub const PUSH_NO_PREFETCH: u32 = 1 << 0;
/// Bytes of the longest push: what a GPFIFO entry can say.
pub const MAX_PUSH_LENGTH: u32 = ((1 << 21) - 1) * 4;
/// `engine` of `QUEUE_CREATE`, and bit of `engines`: copies.
pub const ENGINE_COPY: u32 = 1;
/// `priority` of `QUEUE_CREATE`.
pub const PRIORITY_LOW: u32 = 0;
/// `priority` of `QUEUE_CREATE`.
pub const PRIORITY_NORMAL: u32 = 1;
/// `priority` of `QUEUE_CREATE`.
pub const PRIORITY_HIGH: u32 = 2;
/// Most slots that fence memory can have.
pub const MAX_FENCE_SLOTS: u32 = 4096;
/// GPU virtual addresses of a driver end here at the latest: what a GPFIFO entry can say.
pub const MAX_VA_END: u64 = 1 << 40;
/// `va_start` and `va_end` are multiples of it.
pub const VA_ALIGN: u64 = 2 << 20;

/// Event: the device is lost to this tenant (section 7).
pub const EVENT_DEVICE_LOST: u32 = 0x0001;
/// Event: look at the fence memory (section 8.2).
pub const EVENT_FENCES: u32 = 0x0002;
/// Event: a queue is lost (section 8.3).
pub const EVENT_QUEUE_LOST: u32 = 0x0003;
/// Event: an address space is lost (section 8.3).
pub const EVENT_VM_LOST: u32 = 0x0004;

/// Reason of a loss: an address that is not mapped, or not for this access.
pub const LOST_MMU_FAULT: u32 = 1;
/// Reason of a loss: the engine or the host unit found an error.
pub const LOST_ENGINE: u32 = 2;
/// Reason of a loss: a submission took too long.
pub const LOST_TIMEOUT: u32 = 3;
/// Reason of a loss: ended by the host.
pub const LOST_KILLED: u32 = 4;
/// Reason of a loss: the host could not go on with it.
pub const LOST_RESOURCES: u32 = 5;

/// The eight pattern bytes at word `index` of an object filled with `seed` (section 6.4,
/// `GEM_CHECKSUM`); `index` counts 8-byte words from the object's start.
pub const fn pattern_word(seed: u64, index: u64) -> [u8; 8] {
    let z = seed.wrapping_add(index).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_encoded_as_the_document_draws_it() {
        let hdr = Hdr {
            type_: CMD_GEM_CREATE,
            flags: 0x0403_0201,
            fence_id: 0x0807_0605_0403_0201,
            ctx_id: 0x1413_1211,
            ring_idx: 0x20,
            padding: [0x21, 0x22, 0x23],
        };
        let expected = [
            0x10, 0x01, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x20,
            0x21, 0x22, 0x23,
        ];
        assert_eq!(hdr.to_bytes(), expected);
        assert_eq!(Hdr::decode(&expected), Some(hdr));
        assert_eq!(Hdr::decode(&expected[..23]), None);
    }

    #[test]
    fn every_status_survives_the_round_trip() {
        for raw in 0..0x2000 {
            if let Some(status) = Status::from_raw(raw) {
                assert_eq!(status as u32, raw);
            }
        }
        assert_eq!(Status::from_raw(0x120d), Some(Status::ErrBusy));
        assert_eq!(Status::from_raw(0x120e), Some(Status::ErrLost));
        assert_eq!(Status::from_raw(0x120f), None);
    }

    #[test]
    fn submissions_are_encoded_as_the_document_draws_them() {
        let exec = Exec {
            queue: 0x0403_0201,
            nr_pushes: 0x0807_0605,
            seqno: 0x100f_0e0d_0c0b_0a09,
            nr_waits: 0x1413_1211,
            padding: 0x1817_1615,
        };
        let expected: [u8; 24] = core::array::from_fn(|at| at as u8 + 1);
        assert_eq!(exec.to_bytes(), expected);
        let op = BindOp {
            op: 0x0403_0201,
            flags: 0x0807_0605,
            handle: 0x0c0b_0a09,
            padding: 0x100f_0e0d,
            addr: 0x1817_1615_1413_1211,
            offset: 0x201f_1e1d_1c1b_1a19,
            length: 0x2827_2625_2423_2221,
        };
        let expected: [u8; 40] = core::array::from_fn(|at| at as u8 + 1);
        assert_eq!(op.to_bytes(), expected);
        // The offsets that the document gives, behind a header of 24 bytes.
        assert_eq!(Hdr::LEN + VmBind::LEN, 48);
        assert_eq!(Hdr::LEN + Exec::LEN, 48);
        assert_eq!(Hdr::LEN + RespGetInfo::LEN, 96);
        assert_eq!(MAX_PUSH_LENGTH, 8_388_604);
    }

    #[test]
    fn pattern_is_splitmix64() {
        // First outputs of the reference splitmix64 seeded with 0.
        assert_eq!(
            u64::from_le_bytes(pattern_word(0, 0)),
            0xe220_a839_7b1d_cdaf
        );
    }
}
