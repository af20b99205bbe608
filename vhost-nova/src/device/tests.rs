// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Every error row of the document, and what the commands do.

mod checks;

use super::*;
use kernel_abi::virtio_nova::Status::{self, *};
use vm_memory::{Bytes, GuestAddress};

const PAGE: u64 = 4096;

pub(super) fn identity() -> GpuIdentity {
    GpuIdentity {
        chipset: 0x172,
        boot_0: 0x1720_00a1,
        boot_42: 0x172a_1000,
        vram_size: 1 << 30,
        vram_bar_size: 256 << 20,
        chip_name: "GA102".into(),
    }
}

pub(super) fn limits() -> Limits {
    Limits {
        max_contexts: 3,
        max_handles: 4,
        max_mem_entries: 8,
        max_object_size: 1 << 30,
        max_total_entries: 16,
    }
}

/// Two adjacent regions, and a third one behind a gap.
pub(super) fn memory() -> GuestMemoryMmap {
    let ranges = [
        (GuestAddress(0), 64 << 10),
        (GuestAddress(64 << 10), 64 << 10),
        (GuestAddress(1 << 20), 64 << 10),
    ];
    GuestMemoryMmap::from_ranges(&ranges).unwrap()
}

pub(super) fn header(command: u32, ctx_id: u32) -> Vec<u8> {
    let mut bytes = command.to_le_bytes().to_vec();
    bytes.extend([0; 12]);
    bytes.extend(ctx_id.to_le_bytes());
    bytes.extend([0; 4]);
    bytes
}

pub(super) fn message(command: u32, ctx_id: u32, body: &[&[u8]]) -> Vec<u8> {
    let mut bytes = header(command, ctx_id);
    for part in body {
        bytes.extend(*part);
    }
    bytes
}

fn u32s(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn u64s(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

pub(super) fn entries(list: &[(u64, u32)]) -> Vec<u8> {
    list.iter()
        .flat_map(|(addr, length)| [u64s(&[*addr]), u32s(&[*length, 0])].concat())
        .collect()
}

pub(super) fn negotiate() -> Vec<u8> {
    message(0x100, 0, &[&[1, 0, 0, 0, 0, 0, 0, 0]])
}

pub(super) fn ctx_create() -> Vec<u8> {
    message(0x101, 0, &[&u32s(&[7, 1000]), b"a name that is16"])
}

pub(super) fn create(ctx: u32, size: u64, list: &[(u64, u32)]) -> Vec<u8> {
    let counts = u32s(&[1, list.len() as u32]);
    message(0x110, ctx, &[&u64s(&[size]), &counts, &entries(list)])
}

pub(super) fn add(ctx: u32, handle: u32, list: &[(u64, u32)]) -> Vec<u8> {
    let counts = u32s(&[handle, list.len() as u32]);
    message(0x111, ctx, &[&counts, &entries(list)])
}

pub(super) fn close(ctx: u32, handle: u32) -> Vec<u8> {
    message(0x112, ctx, &[&u32s(&[handle, 0])])
}

pub(super) fn open(ctx: u32, source: u32, handle: u32) -> Vec<u8> {
    message(0x113, ctx, &[&u32s(&[source, handle])])
}

pub(super) fn checksum(ctx: u32, handle: u32, op: u32, range: (u64, u64), seed: u64) -> Vec<u8> {
    let numbers = u64s(&[range.0, range.1, seed]);
    message(0x120, ctx, &[&u32s(&[handle, op]), &numbers])
}

/// A device, its memory, and what it answers.
pub(super) struct Rig {
    pub(super) device: Device,
    pub(super) mem: GuestMemoryMmap,
}

impl Rig {
    pub(super) fn fresh() -> Self {
        Self {
            device: Device::new("test", identity(), limits(), None).unwrap(),
            mem: memory(),
        }
    }

    pub(super) fn new() -> Self {
        let mut rig = Self::fresh();
        assert_eq!(rig.send(&negotiate()).0, Ok);
        rig
    }

    /// Status, and what follows the header as numbers.
    pub(super) fn send(&mut self, request: &[u8]) -> (Status, Vec<u32>) {
        let mut answer = [0xee; MAX_ANSWER];
        let len = self.device.handle(&self.mem, request, &mut answer);
        assert!(len >= 24 && len % 4 == 0);
        let numbers: Vec<u32> = answer[..len]
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        let status = Status::from_raw(numbers[0]).expect("a known status");
        let expected = if status == Ok {
            Device::answer_len(request)
        } else {
            24
        };
        assert_eq!(len, expected);
        // flags, fence_id, and ring_idx with padding are zero; ctx_id is the request's.
        assert_eq!([numbers[1], numbers[2], numbers[3], numbers[5]], [0; 4]);
        let ctx = request.get(16..20).filter(|_| request.len() >= 24);
        let ctx = ctx.map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().unwrap()));
        assert_eq!(numbers[4], ctx);
        (status, numbers[6..].to_vec())
    }

    pub(super) fn ok(&mut self, request: &[u8]) -> Vec<u32> {
        let (status, numbers) = self.send(request);
        assert_eq!(status, Ok);
        numbers
    }

    /// Refused, and nothing has changed.
    fn refused(&mut self, request: &[u8], expected: Status) {
        let before = self.device.stats();
        assert_eq!(self.send(request).0, expected, "{request:02x?}");
        assert_eq!(self.device.stats(), before);
    }

    pub(super) fn context(&mut self) -> u32 {
        self.ok(&ctx_create())[0]
    }

    /// A complete object of two pages that lie apart.
    fn object(&mut self, ctx: u32) -> u32 {
        let list = [(5 * PAGE, PAGE as u32), (2 * PAGE, PAGE as u32)];
        self.ok(&create(ctx, 2 * PAGE, &list))[0]
    }
}

#[test]
fn negotiation_comes_first_and_can_be_repeated() {
    let mut rig = Rig::fresh();
    for request in [
        ctx_create(),
        header(0x102, 1),
        create(1, PAGE, &[]),
        close(1, 1),
        checksum(1, 1, 0, (0, 1), 0),
    ] {
        rig.refused(&request, ErrNotNegotiated);
    }
    rig.refused(&header(0x200, 0), ErrInvalidCommand);
    rig.refused(&message(0x100, 0, &[&[2, 0, 0, 0, 0, 0, 0, 0]]), ErrVersion);
    rig.refused(&ctx_create(), ErrNotNegotiated);
    rig.refused(
        &message(0x100, 0, &[&[1, 0, 0, 0, 1, 0, 0, 0]]),
        ErrInvalidParameter,
    );
    rig.refused(
        &message(0x100, 9, &[&[1, 0, 0, 0, 0, 0, 0, 0]]),
        ErrInvalidContext,
    );
    // Any minor version is fine.
    let info = rig.ok(&message(0x100, 0, &[&[1, 0, 77, 0, 0, 0, 0, 0]]));
    assert_eq!(info[..4], [0x1_0001, 0x172, 0x1720_00a1, 0x172a_1000]);
    assert_eq!(info[4..8], [1 << 30, 0, 256 << 20, 0]);
    assert_eq!(
        info[8..],
        [u32::from_le_bytes(*b"GA10"), u32::from(b'2'), 0, 0]
    );
    assert_eq!(rig.ok(&negotiate()), info);
}

#[test]
fn reserved_header_fields_are_zero() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    for (at, what) in [
        (4, "flags"),
        (8, "fence_id"),
        (15, "fence_id"),
        (20, "ring_idx"),
        (23, "padding"),
    ] {
        let mut request = header(0x102, ctx);
        request[at] = 1;
        rig.refused(&request, ErrInvalidParameter);
        // Before the command is looked at.
        let mut unknown = header(0xffff, 0);
        unknown[at] = 1;
        assert_eq!(rig.send(&unknown).0, ErrInvalidParameter, "{what}");
    }
}

#[test]
fn lengths_are_exact_and_checked_before_ids() {
    let mut rig = Rig::new();
    for request in [
        negotiate(),
        ctx_create(),
        header(0x102, 99),
        create(99, PAGE, &[(0, PAGE as u32)]),
        add(99, 1, &[(0, PAGE as u32)]),
        close(99, 1),
        open(99, 98, 1),
        checksum(99, 1, 0, (0, 1), 0),
    ] {
        let mut longer = request.clone();
        longer.push(0);
        rig.refused(&longer, ErrInvalidLength);
        for len in 0..request.len() {
            rig.refused(&request[..len], ErrInvalidLength);
        }
    }
    // The number of entries is not that of the length.
    let mut request = create(99, PAGE, &[(0, PAGE as u32)]);
    request[36] = 2;
    rig.refused(&request, ErrInvalidLength);
    request[36..40].copy_from_slice(&[0xff; 4]);
    rig.refused(&request, ErrInvalidLength);
}

#[test]
fn contexts_have_ids_of_their_own() {
    let mut rig = Rig::new();
    rig.refused(&message(0x101, 1, &[&[0; 24]]), ErrInvalidContext);
    let ids: Vec<u32> = (0..3).map(|_| rig.context()).collect();
    assert!(!ids.contains(&0) && ids[0] != ids[1] && ids[1] != ids[2]);
    rig.refused(&ctx_create(), ErrLimit);
    rig.ok(&header(0x102, ids[1]));
    for id in [0, ids[1], ids[1] ^ (1 << 20), u32::MAX] {
        rig.refused(&header(0x102, id), ErrInvalidContext);
        rig.refused(&create(id, PAGE, &[]), ErrInvalidContext);
    }
    // The slot is used again, the id is not.
    let mut seen = vec![ids[1]];
    for _ in 0..500 {
        let id = rig.context();
        assert!(!seen.contains(&id));
        rig.ok(&header(0x102, id));
        seen.push(id);
    }
    assert_eq!(rig.device.stats().contexts, 2);
}

#[test]
fn creation_checks_size_and_entries() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    let page = PAGE as u32;
    for size in [
        0,
        1,
        PAGE - 1,
        PAGE + 1,
        (1 << 30) + PAGE,
        u64::MAX,
        u64::MAX - PAGE + 1,
    ] {
        rig.refused(&create(ctx, size, &[]), ErrInvalidParameter);
    }
    let mut domain = create(ctx, PAGE, &[]);
    domain[32] = 2;
    rig.refused(&domain, ErrInvalidParameter);
    rig.refused(&create(ctx, 9 * PAGE, &[(0, page); 9]), ErrInvalidParameter);
    for list in [
        [(1, page)],
        [(0, 1)],
        [(0, 0)],
        [(PAGE / 2, page)],
        [(0, page + 1)],
    ] {
        rig.refused(&create(ctx, 4 * PAGE, &list), ErrInvalidParameter);
    }
    let mut padding = create(ctx, PAGE, &[(0, page)]);
    padding[52] = 1;
    rig.refused(&padding, ErrInvalidParameter);
    // Longer in sum than the object.
    rig.refused(&create(ctx, PAGE, &[(0, 2 * page)]), ErrInvalidParameter);
    rig.refused(&create(ctx, 2 * PAGE, &[(0, page); 3]), ErrInvalidParameter);
    for addr in [
        128 << 10,
        (1 << 20) - PAGE,
        (1 << 20) + (64 << 10),
        1 << 40,
        0u64.wrapping_sub(PAGE),
    ] {
        rig.refused(&create(ctx, PAGE, &[(addr, page)]), ErrInvalidAddress);
        rig.refused(
            &create(ctx, 2 * PAGE, &[(0, page), (addr, page)]),
            ErrInvalidAddress,
        );
    }
    rig.refused(
        &create(ctx, 2 * PAGE, &[(31 * PAGE, 2 * page)]),
        ErrInvalidAddress,
    );
    rig.refused(
        &create(ctx, 1 << 30, &[(0u64.wrapping_sub(PAGE), 0xffff_f000)]),
        ErrInvalidParameter,
    );
    // Over the seam of two regions.
    rig.ok(&create(ctx, 4 * PAGE, &[(14 * PAGE, 4 * page)]));
    // The last page of memory.
    rig.ok(&create(ctx, PAGE, &[((1 << 20) + 15 * PAGE, page)]));
}

#[test]
fn limits_hold_and_what_is_closed_counts_no_more() {
    let mut rig = Rig::new();
    let (one, other) = (rig.context(), rig.context());
    let handles: Vec<u32> = (0..3).map(|_| rig.ok(&create(one, PAGE, &[]))[0]).collect();
    rig.ok(&open(other, one, handles[0]));
    rig.refused(&create(other, PAGE, &[]), ErrLimit);
    rig.refused(&open(other, one, handles[0]), ErrLimit);
    rig.ok(&header(0x102, other));
    rig.ok(&close(one, handles[1]));
    rig.ok(&close(one, handles[2]));
    // 16 entries in sum.
    let list = [(0, PAGE as u32); 8];
    let first = rig.ok(&create(one, 8 * PAGE, &list))[0];
    rig.ok(&create(one, 8 * PAGE, &list));
    rig.refused(&create(one, PAGE, &list[..1]), ErrLimit);
    rig.refused(&add(one, handles[0], &list[..1]), ErrLimit);
    rig.ok(&close(one, first));
    rig.ok(&add(one, handles[0], &list[..1]));
    rig.ok(&header(0x102, one));
    assert_eq!(rig.device.stats(), Stats::default());
}

#[test]
fn handles_belong_to_a_context_and_objects_to_their_handles() {
    let mut rig = Rig::new();
    let (one, other) = (rig.context(), rig.context());
    rig.ok(&create(other, PAGE, &[]));
    let handle = rig.object(one);
    assert_ne!(handle, 0);
    for handle in [0, handle + 1, u32::MAX] {
        rig.refused(&close(one, handle), ErrInvalidHandle);
        rig.refused(&open(other, one, handle), ErrInvalidHandle);
        rig.refused(&add(one, handle, &[(0, PAGE as u32)]), ErrInvalidHandle);
        rig.refused(&checksum(one, handle, 0, (0, 1), 0), ErrInvalidHandle);
    }
    rig.refused(&open(other, 77, handle), ErrInvalidContext);
    rig.refused(&open(77, one, handle), ErrInvalidContext);
    let mut padding = close(one, handle);
    padding[28] = 1;
    rig.refused(&padding, ErrInvalidParameter);
    let opened = rig.ok(&open(other, one, handle))[0];
    let again = rig.ok(&open(other, one, handle))[0];
    assert_ne!(opened, again);
    let sum = rig.ok(&checksum(one, handle, 1, (0, 2 * PAGE), 5));
    rig.ok(&close(one, handle));
    rig.refused(&close(one, handle), ErrInvalidHandle);
    assert_eq!(rig.ok(&checksum(other, opened, 0, (0, 2 * PAGE), 0)), sum);
    rig.ok(&close(other, opened));
    assert_eq!(rig.ok(&checksum(other, again, 0, (0, 2 * PAGE), 0)), sum);
    rig.ok(&header(0x102, other));
    assert_eq!(rig.device.stats().objects, 0);
}

#[test]
fn pages_can_come_later() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    let page = PAGE as u32;
    let handle = rig.ok(&create(ctx, 3 * PAGE, &[(0, page)]))[0];
    rig.refused(&checksum(ctx, handle, 0, (0, 1), 0), ErrBusy);
    rig.refused(&add(ctx, handle, &[]), ErrInvalidParameter);
    rig.refused(&add(ctx, handle, &[(0, page); 9]), ErrInvalidParameter);
    rig.refused(&add(ctx, handle, &[(0, 3 * page)]), ErrInvalidParameter);
    rig.refused(&add(ctx, handle, &[(1 << 30, page)]), ErrInvalidAddress);
    rig.ok(&add(ctx, handle, &[(PAGE, page)]));
    rig.refused(&checksum(ctx, handle, 0, (0, 1), 0), ErrBusy);
    rig.ok(&add(ctx, handle, &[(9 * PAGE, page)]));
    rig.refused(&add(ctx, handle, &[(0, page)]), ErrBusy);
    rig.ok(&checksum(ctx, handle, 0, (0, 3 * PAGE), 0));
}

/// The document's pattern, written again.
fn pattern(seed: u64, at: u64) -> u8 {
    let mut z = seed
        .wrapping_add(at / 8)
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()[(at % 8) as usize]
}

#[test]
fn checksums_are_of_the_guests_bytes_in_the_objects_order() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    let handle = rig.object(ctx);
    // Page 0 of the object is guest page 5, page 1 is guest page 2.
    let (first, second) = ([0xab; PAGE as usize], [0xcd; PAGE as usize]);
    rig.mem.write_slice(&first, GuestAddress(5 * PAGE)).unwrap();
    rig.mem
        .write_slice(&second, GuestAddress(2 * PAGE))
        .unwrap();
    let bytes = [first, second].concat();
    for (offset, length) in [
        (0, 1),
        (0, 8192),
        (4095, 2),
        (4096, 4096),
        (1, 8190),
        (8191, 1),
    ] {
        let sum = rig.ok(&checksum(ctx, handle, 0, (offset, length), 0))[0];
        let range = offset as usize..(offset + length) as usize;
        assert_eq!(sum, crc32fast::hash(&bytes[range]), "{offset}+{length}");
    }
    let sum = rig.ok(&checksum(ctx, handle, 1, (4091, 13), 42))[0];
    let filled: Vec<u8> = (4091..4104).map(|at| pattern(42, at)).collect();
    assert_eq!(sum, crc32fast::hash(&filled));
    let mut found = [0; 2 * PAGE as usize];
    rig.mem
        .read_slice(&mut found[..4096], GuestAddress(5 * PAGE))
        .unwrap();
    rig.mem
        .read_slice(&mut found[4096..], GuestAddress(2 * PAGE))
        .unwrap();
    let mut expected = bytes;
    expected[4091..4104].copy_from_slice(&filled);
    assert_eq!(found[..], expected[..]);
}

#[test]
fn pages_named_twice_hold_what_was_written_last() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    // Eight times the two regions that touch, in two entries: 1 MiB, the longest range.
    let span = 128u64 << 10;
    let handle = rig.ok(&create(ctx, 8 * span + PAGE, &[(0, span as u32); 8]))[0];
    rig.ok(&add(ctx, handle, &[(1 << 20, PAGE as u32)]));
    let seed = u64::MAX - 3;
    let range = (PAGE, 8 * span);
    let sum = rig.ok(&checksum(ctx, handle, 1, range, seed))[0];
    // All but the last page shows what the eighth entry was filled with.
    let last_written = |at: u64| {
        let copy = 7 * span + at % span;
        pattern(seed, if at < 8 * span { copy } else { at })
    };
    let bytes: Vec<u8> = (range.0..range.0 + range.1).map(last_written).collect();
    assert_eq!(sum, crc32fast::hash(&bytes));
    let mut found = [0; 16];
    let seam = GuestAddress((64 << 10) - 8);
    rig.mem.read_slice(&mut found, seam).unwrap();
    let at = 7 * span + seam.0;
    assert_eq!(
        found[..],
        (at..at + 16)
            .map(|at| pattern(seed, at))
            .collect::<Vec<_>>()[..]
    );
    assert_eq!(rig.ok(&checksum(ctx, handle, 0, range, 0))[0], sum);
}

#[test]
fn an_object_can_be_as_large_as_the_limit() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    rig.ok(&create(ctx, 1 << 30, &[]));
    assert_eq!(rig.device.stats().bytes, 1 << 30);
    rig.refused(&create(ctx, (1 << 30) + PAGE, &[]), ErrInvalidParameter);
}

#[test]
fn checksum_ranges_are_inside_the_object() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    let handle = rig.object(ctx);
    for (op, offset, length, seed) in [
        (2, 0, 1, 0),
        (u32::MAX, 0, 1, 0),
        (0, 0, 0, 0),
        (0, 0, 2 * PAGE + 1, 0),
        (0, 2 * PAGE, 1, 0),
        (0, u64::MAX, 1, 0),
        (0, u64::MAX, 2, 0),
        (0, 1, u64::MAX, 0),
        (0, 0, 1, 1),
        (1, 2 * PAGE - 1, 2, 1),
    ] {
        let request = checksum(ctx, handle, op, (offset, length), seed);
        rig.refused(&request, ErrInvalidParameter);
    }
    let big = rig.ok(&create(ctx, 2 << 20, &[]))[0];
    // Too long comes before incomplete.
    rig.refused(
        &checksum(ctx, big, 0, (0, (1 << 20) + 1), 0),
        ErrInvalidParameter,
    );
    rig.refused(&checksum(ctx, big, 0, (0, 1 << 20), 0), ErrBusy);
}

#[test]
fn pages_that_left_guest_memory_are_not_touched() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    let list = [(0, PAGE as u32), (1 << 20, PAGE as u32)];
    let handle = rig.ok(&create(ctx, 2 * PAGE, &list))[0];
    let less = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 64 << 10)]).unwrap();
    less.write_slice(&[0x11; 4096], GuestAddress(0)).unwrap();
    rig.mem = less.clone();
    rig.refused(
        &checksum(ctx, handle, 0, (0, 2 * PAGE), 0),
        ErrInvalidAddress,
    );
    rig.refused(
        &checksum(ctx, handle, 1, (0, 2 * PAGE), 3),
        ErrInvalidAddress,
    );
    // The fill that failed has written nothing, not even what is still there.
    let mut page = [0; 4096];
    less.read_slice(&mut page, GuestAddress(0)).unwrap();
    assert_eq!(page, [0x11; 4096]);
    rig.ok(&checksum(ctx, handle, 0, (0, PAGE), 0));
}

#[test]
fn a_reset_ends_everything() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    rig.object(ctx);
    rig.device.reset();
    assert_eq!(rig.device.stats(), Stats::default());
    rig.refused(&header(0x102, ctx), ErrNotNegotiated);
    rig.ok(&negotiate());
    rig.refused(&header(0x102, ctx), ErrInvalidContext);
    assert_ne!(rig.context(), ctx);
}

#[test]
fn a_lost_device_says_so_once_and_lets_go() {
    let mut rig = Rig::new();
    let ctx = rig.context();
    rig.object(ctx);
    assert_eq!(rig.device.take_event(), None);
    rig.device.mark_lost();
    assert_eq!(rig.device.stats(), Stats::default());
    rig.refused(&header(0x102, ctx), ErrDeviceLost);
    rig.refused(&ctx_create(), ErrDeviceLost);
    rig.refused(&header(0x200, 0), ErrInvalidCommand);
    rig.ok(&negotiate());
    let event = rig.device.take_event().unwrap();
    assert_eq!(event.to_bytes()[..4], [1, 0, 0, 0]);
    assert_eq!(event.to_bytes()[4..], [0; 28]);
    assert_eq!(rig.device.take_event(), None);
    // It could not be delivered.
    rig.device.put_back_event(event);
    assert_eq!(rig.device.take_event(), Some(event));
    rig.device.mark_lost();
    assert_eq!(rig.device.take_event(), None, "once");
    rig.device.reset();
    assert!(!rig.device.is_lost());
    rig.ok(&negotiate());
    rig.context();
}

#[test]
fn the_configuration_is_that_of_the_document() {
    let rig = Rig::fresh();
    let config = rig.device.config();
    assert_eq!(config[..8], *b"NOVA\x01\0\x01\0");
    assert_eq!(config[8..24], u32s(&[0, 3, 4, 8])[..]);
    assert_eq!(config[24..32], u64s(&[1 << 30])[..]);
    // No options: nothing of what comes with them.
    assert_eq!(config[32..], [0; 56]);
    assert_eq!(rig.device.max_request_len(), 40 + 16 * 8);
}

#[test]
fn as_many_contexts_as_the_configuration_says_can_exist() {
    let no_limit = Limits {
        max_contexts: u32::MAX,
        ..limits()
    };
    let mut rig = Rig::fresh();
    rig.device = Device::new("test", identity(), no_limit, None).unwrap();
    rig.ok(&negotiate());
    let said = u32::from_le_bytes(rig.device.config()[12..16].try_into().unwrap());
    for _ in 0..4096 {
        rig.context();
    }
    rig.refused(&ctx_create(), ErrLimit);
    assert_eq!(rig.device.stats().contexts, said);
}
