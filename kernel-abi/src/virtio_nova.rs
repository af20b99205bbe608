// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The wire format of the virtio-nova device, spoken by the guest driver and the daemon.
//!
//! Follows `docs/virtio-nova.md`; the section numbers below are that document's. Encoding and
//! decoding only: little-endian, no unsafe, no panic, and nothing is checked here but lengths.

/// Virtio device id: "ioMemory" in the VIRTIO id table, which nothing else claims (section 1).
pub const VIRTIO_ID_NOVA: u32 = 6;
/// "NOVA" at offset 0 of the configuration space (section 4).
pub const CONFIG_MAGIC: u32 = u32::from_le_bytes(*b"NOVA");
/// Protocol major version; another major does not interoperate.
pub const VERSION_MAJOR: u16 = 1;
/// Protocol minor version; grows with additions.
pub const VERSION_MINOR: u16 = 0;

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

/// `domain` of `GEM_CREATE`: pages of the guest's memory.
pub const DOMAIN_SYSTEM: u32 = 1;
/// `op` of `GEM_CHECKSUM`: checksum what is there.
pub const CHECKSUM_READ: u32 = 0;
/// `op` of `GEM_CHECKSUM`: write the pattern of `seed`, then checksum it.
pub const CHECKSUM_FILL: u32 = 1;

/// Event: the device is lost to this tenant (section 7).
pub const EVENT_DEVICE_LOST: u32 = 0x0001;

/// Status of an answer (section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Ok = 0x1100,
    /// The device failed inside.
    ErrUnspec = 0x1200,
    /// The descriptor chain is malformed.
    ErrInvalidChain = 0x1201,
    /// Request too short or too long, or no room for the answer.
    ErrInvalidLength = 0x1202,
    /// Unknown command.
    ErrInvalidCommand = 0x1203,
    /// A field has a value that is not allowed.
    ErrInvalidParameter = 0x1204,
    /// No such context.
    ErrInvalidContext = 0x1205,
    /// No such handle in this context.
    ErrInvalidHandle = 0x1206,
    /// A memory entry is not inside guest memory.
    ErrInvalidAddress = 0x1207,
    /// The device has no memory for it.
    ErrOutOfMemory = 0x1208,
    /// A limit of this tenant is reached.
    ErrLimit = 0x1209,
    /// The device does not speak this major version.
    ErrVersion = 0x120a,
    /// `NEGOTIATE` has not succeeded yet.
    ErrNotNegotiated = 0x120b,
    /// The device is lost to this tenant until a reset.
    ErrDeviceLost = 0x120c,
    /// The object is not in a state that allows it.
    ErrBusy = 0x120d,
}

impl Status {
    /// The status with this number, if there is one.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0x1100 => Self::Ok,
            0x1200 => Self::ErrUnspec,
            0x1201 => Self::ErrInvalidChain,
            0x1202 => Self::ErrInvalidLength,
            0x1203 => Self::ErrInvalidCommand,
            0x1204 => Self::ErrInvalidParameter,
            0x1205 => Self::ErrInvalidContext,
            0x1206 => Self::ErrInvalidHandle,
            0x1207 => Self::ErrInvalidAddress,
            0x1208 => Self::ErrOutOfMemory,
            0x1209 => Self::ErrLimit,
            0x120a => Self::ErrVersion,
            0x120b => Self::ErrNotNegotiated,
            0x120c => Self::ErrDeviceLost,
            0x120d => Self::ErrBusy,
            _ => return None,
        })
    }
}

/// A value with a fixed encoding.
pub trait Wire: Sized {
    /// Bytes that the encoding takes.
    const LEN: usize;
    /// Decodes from the front of `bytes`; `None` when there are too few. Returns the rest too.
    fn take(bytes: &[u8]) -> Option<(Self, &[u8])>;
    /// Encodes to the front of `bytes`; `None` when there is too little room. Returns the rest.
    fn put<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a mut [u8]>;

    /// Decodes from the front of `bytes`, or `None` when there are too few.
    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::take(bytes).map(|(value, _)| value)
    }
}

macro_rules! wire_int {
    ($($int:ty),*) => {$(
        impl Wire for $int {
            const LEN: usize = size_of::<$int>();
            fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
                let (head, rest) = bytes.split_first_chunk()?;
                Some((<$int>::from_le_bytes(*head), rest))
            }
            fn put<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
                let (head, rest) = bytes.split_first_chunk_mut()?;
                *head = self.to_le_bytes();
                Some(rest)
            }
        }
    )*};
}
wire_int!(u8, u16, u32, u64);

impl<T: Wire + Copy + Default, const N: usize> Wire for [T; N] {
    const LEN: usize = T::LEN * N;
    fn take(mut bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut array = [T::default(); N];
        for item in &mut array {
            (*item, bytes) = T::take(bytes)?;
        }
        Some((array, bytes))
    }
    fn put<'a>(&self, mut bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
        for item in self {
            bytes = item.put(bytes)?;
        }
        Some(bytes)
    }
}

macro_rules! wire_struct {
    ($(
        $(#[$attr:meta])*
        struct $name:ident = $len:literal {
            $($(#[$fattr:meta])* $field:ident: $ty:ty,)*
        }
    )*) => {$(
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$fattr])* pub $field: $ty,)*
        }
        const _: () = assert!($name::LEN == $len);
        impl $name {
            /// The encoding as an array.
            pub fn to_bytes(&self) -> [u8; $len] {
                let mut bytes = [0; $len];
                let _ = self.put(&mut bytes);
                bytes
            }
        }
        impl Wire for $name {
            const LEN: usize = 0 $(+ <$ty as Wire>::LEN)*;
            fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
                $(let ($field, bytes) = <$ty as Wire>::take(bytes)?;)*
                Some((Self { $($field),* }, bytes))
            }
            fn put<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
                $(let bytes = self.$field.put(bytes)?;)*
                Some(bytes)
            }
        }
    )*};
}

wire_struct! {
    /// Device configuration space (section 4).
    struct Config = 32 {
        /// [`CONFIG_MAGIC`].
        magic: u32,
        /// [`VERSION_MAJOR`] of the device.
        version_major: u16,
        /// [`VERSION_MINOR`] of the device.
        version_minor: u16,
        /// Option bits; none defined.
        options: u32,
        /// Contexts that may exist at once.
        max_contexts: u32,
        /// Handles that may exist at once, over all contexts.
        max_handles: u32,
        /// Memory entries in one request.
        max_mem_entries: u32,
        /// Largest object, in bytes.
        max_object_size: u64,
    }

    /// Header of every request and answer (section 6.1).
    struct Hdr = 24 {
        /// A command, or in an answer a [`Status`].
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
        /// [`DOMAIN_SYSTEM`].
        domain: u32,
        /// Entries that follow.
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
        /// [`CHECKSUM_READ`] or [`CHECKSUM_FILL`].
        op: u32,
        /// Bytes into the object.
        offset: u64,
        /// Bytes, at most [`MAX_CHECKSUM_LENGTH`].
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
        assert_eq!(Status::from_raw(0x120e), None);
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
