// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Work on the GPU, on a GPU that does what a test says: what happens, and in which order.

mod checks;
mod losses;

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use kernel_abi::virtio_nova::Status::{self, *};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::tests::{create, identity, limits, memory, message, negotiate};
use super::*;
use crate::work::fake::{Fake, FakeShare};
use crate::work::{WorkLimits, VA_START};

const PAGE: u64 = 4096;
/// Guest address of the fence memory.
const FENCES: u64 = 8 * PAGE;
/// Slots of the fence memory: twice three and two.
const SLOTS: u32 = 10;

const SLOT_SPACE: u32 = 0;
const SLOT_QUEUE: u32 = 1;
const SLOT_OTHER: u32 = 2;

fn work_limits() -> WorkLimits {
    WorkLimits {
        max_vms: 2,
        max_queues: 3,
        max_bind_ops: 4,
        max_binds_in_flight: 3,
        max_pushes: 4,
        max_execs_in_flight: 3,
        max_waits: 2,
        work_timeout: Some(Duration::from_secs(3600)),
    }
}

fn u32s(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn u64s(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

/// An operation: op, flags, handle; address, offset, length.
type Op = ([u32; 3], [u64; 3]);

fn map(handle: u32, addr: u64, offset: u64, length: u64) -> Op {
    ([0, 0, handle], [addr, offset, length])
}

fn unmap(addr: u64, length: u64) -> Op {
    ([1, 0, 0], [addr, 0, length])
}

fn bind_with(ctx: u32, vm: u32, seqno: u64, ops: &[Op], waits: &[(u32, u64)]) -> Vec<u8> {
    let mut body = u32s(&[vm, ops.len() as u32]);
    body.extend(u64s(&[seqno]));
    body.extend(u32s(&[waits.len() as u32, 0]));
    for (words, longs) in ops {
        body.extend(u32s(&[words[0], words[1], words[2], 0]));
        body.extend(u64s(longs));
    }
    body.extend(encode_waits(waits));
    message(0x132, ctx, &[&body])
}

fn exec_with(
    ctx: u32,
    queue: u32,
    seqno: u64,
    pushes: &[(u64, u32, u32)],
    waits: &[(u32, u64)],
) -> Vec<u8> {
    let mut body = u32s(&[queue, pushes.len() as u32]);
    body.extend(u64s(&[seqno]));
    body.extend(u32s(&[waits.len() as u32, 0]));
    for (addr, length, flags) in pushes {
        body.extend(u64s(&[*addr]));
        body.extend(u32s(&[*length, *flags]));
    }
    body.extend(encode_waits(waits));
    message(0x142, ctx, &[&body])
}

fn encode_waits(waits: &[(u32, u64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (slot, seqno) in waits {
        bytes.extend(u32s(&[*slot, 0]));
        bytes.extend(u64s(&[*seqno]));
    }
    bytes
}

/// A device with work, a context, an address space, a queue and an object of guest pages.
struct Rig {
    device: Device,
    mem: GuestMemoryMmap,
    fake: Arc<Fake>,
    ctx: u32,
    vm: u32,
    queue: u32,
    object: u32,
}

impl Rig {
    /// Without anything yet.
    fn bare() -> Self {
        Self::with(work_limits())
    }

    fn with(limits_of_work: WorkLimits) -> Self {
        let fake = Arc::<Fake>::default();
        let share = Arc::new(FakeShare(fake.clone()));
        let work = Work::manual(share, limits_of_work);
        let mut device = Device::new("test", identity(), limits(), Some(work)).unwrap();
        let mem = memory();
        device.set_memory(&mem).unwrap();
        let mut rig = Self {
            device,
            mem,
            fake,
            ctx: 0,
            vm: 0,
            queue: 0,
            object: 0,
        };
        rig.ok(&negotiate());
        rig.ctx = rig.ok(&message(0x101, 0, &[&[0; 24]]))[0];
        rig
    }

    fn new() -> Self {
        Self::set_up(Self::bare())
    }

    fn set_up(mut rig: Self) -> Self {
        rig.ok(&rig.fence_memory(FENCES, PAGE as u32));
        rig.vm = rig.ok(&rig.vm_create(SLOT_SPACE))[0];
        rig.queue = rig.ok(&rig.queue_create(rig.vm, SLOT_QUEUE))[0];
        let pages = [(0, 4096), (2 * PAGE, 8192)];
        rig.object = rig.ok(&create(rig.ctx, 3 * PAGE, &pages))[0];
        rig
    }

    fn send(&mut self, request: &[u8]) -> (Status, Vec<u32>) {
        let mut answer = [0xee; MAX_ANSWER];
        let len = self.device.handle(&self.mem, request, &mut answer);
        let words: Vec<_> = answer[..len]
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        let status = Status::from_raw(words[0]).unwrap();
        let expected = match status {
            Ok => Device::answer_len(request),
            _ => 24,
        };
        assert_eq!(len, expected);
        (status, words[6..].to_vec())
    }

    fn ok(&mut self, request: &[u8]) -> Vec<u32> {
        let (status, words) = self.send(request);
        assert_eq!(status, Ok);
        words
    }

    #[track_caller]
    fn refused(&mut self, request: &[u8], expected: Status) {
        assert_eq!(self.send(request), (expected, vec![]));
    }

    fn fence_memory(&self, addr: u64, length: u32) -> Vec<u8> {
        message(0x103, 0, &[&u64s(&[addr]), &u32s(&[length, 0])])
    }

    fn vm_create(&self, slot: u32) -> Vec<u8> {
        message(0x130, self.ctx, &[&u32s(&[slot, 0])])
    }

    fn queue_create(&self, vm: u32, slot: u32) -> Vec<u8> {
        message(0x140, self.ctx, &[&u32s(&[vm, slot, 1, 1, 0, 0])])
    }

    /// `VM_DESTROY` or `QUEUE_DESTROY`.
    fn destroy(&self, command: u32, id: u32, seqno: u64) -> Vec<u8> {
        message(command, self.ctx, &[&u32s(&[id, 0]), &u64s(&[seqno])])
    }

    fn bind(&self, seqno: u64, ops: &[Op], waits: &[(u32, u64)]) -> Vec<u8> {
        bind_with(self.ctx, self.vm, seqno, ops, waits)
    }

    /// A submission of one push.
    fn exec(&self, seqno: u64, waits: &[(u32, u64)]) -> Vec<u8> {
        exec_with(
            self.ctx,
            self.queue,
            seqno,
            &[(VA_START + seqno % 256 * 16, 16, 0)],
            waits,
        )
    }

    fn step(&self) {
        self.device.work.as_ref().unwrap().step();
    }

    fn slot_word(&self, slot: u32, offset: u64) -> u64 {
        let at = GuestAddress(FENCES + u64::from(slot) * 32 + offset);
        u64::from_le(self.mem.read_obj(at).unwrap())
    }

    fn completed(&self, slot: u32) -> u64 {
        self.slot_word(slot, 0)
    }

    fn lost_from(&self, slot: u32) -> u64 {
        self.slot_word(slot, 16)
    }

    fn want(&self, slot: u32, seqno: u64) {
        let at = GuestAddress(FENCES + u64::from(slot) * 32 + 8);
        self.mem.write_obj(seqno.to_le(), at).unwrap();
    }
}

#[test]
fn the_configuration_says_what_there_may_be() {
    let rig = Rig::bare();
    let config = rig.device.config();
    assert_eq!(config[8..12], u32s(&[1])[..]);
    assert_eq!(
        config[32..64],
        u32s(&[2, 3, 4, 3, 4, 3, 2, SLOTS])[..],
        "from max_vms to fence_slots"
    );
    assert_eq!(config[64..80], u64s(&[4 << 30, 1 << 40])[..]);
    assert_eq!(config[80..88], u32s(&[3_600_000, 0])[..]);
    // The longest request is a bind: 48 + 40 × 4 + 16 × 2.
    assert_eq!(rig.device.max_request_len(), 240);
}

#[test]
fn the_card_is_described() {
    let mut rig = Rig::new();
    let info = rig.ok(&message(0x104, 0, &[]));
    assert_eq!(
        info,
        [
            1 << 30,
            0,
            4096,
            0,
            4096,
            0,
            2,
            0xc56f,
            0xc7b5,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0
        ]
    );
}

#[test]
fn a_bind_becomes_mappings_and_completes() {
    let mut rig = Rig::new();
    rig.fake.take_log();
    let vram = rig.ok(&message(
        0x110,
        rig.ctx,
        &[&u64s(&[1 << 20]), &u32s(&[2, 0])],
    ))[0];
    let ops = [
        map(rig.object, VA_START, PAGE, 2 * PAGE),
        ([0, 1, vram], [VA_START + 16 * PAGE, 8192, 4096]),
        ([0, 2, 0], [VA_START + 32 * PAGE, 0, 1 << 30]),
        unmap(VA_START + 64 * PAGE, PAGE),
    ];
    rig.ok(&rig.bind(7, &ops, &[]));
    assert_eq!(rig.completed(SLOT_SPACE), 0, "a request waits for nothing");
    rig.step();
    assert_eq!(rig.completed(SLOT_SPACE), 7);
    assert_eq!(
        rig.fake.take_log(),
        [
            "unreserve",
            "map 0x100000000 pages [(2000, 2000)] 0x0 0x2000 false",
            "map 0x100010000 vram 0x100000 0x2000 0x1000 true",
            "sparse 0x100020000 0x40000000",
            "unmap 0x100040000 0x1000",
        ]
    );
}

#[test]
fn submissions_run_in_order_and_complete_when_the_gpu_says() {
    let mut rig = Rig::new();
    rig.fake.take_log();
    let pushes = [(VA_START, 16, 0), (VA_START + 64, 4, 1)];
    rig.ok(&exec_with(rig.ctx, rig.queue, 3, &pushes, &[]));
    rig.ok(&rig.exec(5, &[]));
    assert_eq!(
        rig.fake.take_log(),
        ["submit 0 [100000000, 100000040]", "submit 0 [100000050]"],
        "without anybody else's doing"
    );
    rig.step();
    assert_eq!(rig.completed(SLOT_QUEUE), 0);
    rig.fake.queues.lock().get_mut(&0).unwrap().completed = 1;
    rig.step();
    assert_eq!(rig.completed(SLOT_QUEUE), 3);
    // What the GPU's memory says is no word to rely on.
    rig.fake.queues.lock().get_mut(&0).unwrap().completed = 77;
    rig.step();
    assert_eq!(rig.completed(SLOT_QUEUE), 3);
    rig.fake.finish(0);
    rig.step();
    assert_eq!(rig.completed(SLOT_QUEUE), 5);
}

#[test]
fn waits_are_for_other_slots_and_hold_back_what_comes_later() {
    let mut rig = Rig::new();
    let other = rig.ok(&rig.queue_create(rig.vm, SLOT_OTHER))[0];
    rig.fake.take_log();
    rig.ok(&rig.bind(1, &[map(rig.object, VA_START, 0, PAGE)], &[]));
    rig.ok(&rig.exec(1, &[(SLOT_SPACE, 1)]));
    rig.ok(&rig.exec(2, &[]));
    let ctx = rig.ctx;
    let push = [(VA_START, 4, 0)];
    rig.ok(&exec_with(ctx, other, 9, &push, &[(SLOT_QUEUE, 2)]));
    rig.ok(&rig.bind(2, &[unmap(VA_START, PAGE)], &[(SLOT_OTHER, 9)]));
    assert_eq!(rig.fake.take_log(), [""; 0]);
    rig.step();
    let log = rig.fake.take_log();
    assert_eq!(log[2..], ["submit 0 [100000010]", "submit 0 [100000020]"]);
    rig.fake.finish(0);
    rig.step();
    assert_eq!(rig.fake.take_log(), ["submit 1 [100000000]"]);
    rig.fake.finish(1);
    rig.step();
    assert_eq!(
        rig.fake.take_log(),
        ["unreserve", "unmap 0x100000000 0x1000"]
    );
    assert_eq!(
        (rig.completed(0), rig.completed(1), rig.completed(2)),
        (2, 2, 9)
    );
}

#[test]
fn empty_ones_are_sync_points() {
    let mut rig = Rig::new();
    rig.ok(&exec_with(rig.ctx, rig.queue, 1, &[], &[]));
    assert_eq!(rig.completed(SLOT_QUEUE), 1, "nothing is before it");
    rig.ok(&rig.exec(2, &[]));
    rig.ok(&exec_with(rig.ctx, rig.queue, 3, &[], &[]));
    rig.ok(&rig.bind(4, &[], &[(SLOT_QUEUE, 3)]));
    rig.step();
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.completed(SLOT_SPACE)),
        (1, 0)
    );
    rig.fake.finish(0);
    rig.step();
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.completed(SLOT_SPACE)),
        (3, 4)
    );
}

#[test]
fn a_full_ring_holds_back_and_loses_nothing() {
    let mut rig = Rig::new();
    rig.fake.queues.lock().get_mut(&0).unwrap().is_full = true;
    rig.ok(&rig.exec(1, &[]));
    rig.fake.queues.lock().get_mut(&0).unwrap().is_full = false;
    rig.step();
    rig.fake.finish(0);
    rig.step();
    assert_eq!(rig.completed(SLOT_QUEUE), 1);
}

#[test]
fn an_event_comes_where_it_is_wanted_and_one_at_most() {
    let mut rig = Rig::new();
    rig.ok(&exec_with(rig.ctx, rig.queue, 1, &[], &[]));
    assert!(!rig.device.has_event(), "nobody asked");
    rig.want(SLOT_QUEUE, 3);
    rig.ok(&exec_with(rig.ctx, rig.queue, 2, &[], &[]));
    assert!(!rig.device.has_event(), "it is not there yet");
    rig.ok(&exec_with(rig.ctx, rig.queue, 4, &[], &[]));
    assert!(rig.device.has_event());
    rig.want(SLOT_QUEUE, 6);
    rig.ok(&exec_with(rig.ctx, rig.queue, 6, &[], &[]));
    let event = rig.device.take_event().unwrap();
    assert_eq!(event.to_bytes()[..4], [2, 0, 0, 0]);
    assert_eq!(event.to_bytes()[4..], [0; 28]);
    assert_eq!(rig.device.take_event(), None);
    rig.device.put_back_event(event);
    assert_eq!(rig.device.take_event(), Some(event));
    // What was passed before it was asked for is the driver's to see.
    rig.want(SLOT_QUEUE, 5);
    rig.ok(&exec_with(rig.ctx, rig.queue, 7, &[], &[]));
    assert!(!rig.device.has_event());
}

#[test]
fn destruction_completes_in_the_slot_and_frees_it() {
    let mut rig = Rig::new();
    rig.ok(&rig.exec(1, &[]));
    rig.ok(&rig.bind(1, &[unmap(VA_START, PAGE)], &[(SLOT_QUEUE, 1)]));
    rig.refused(&message(0x102, rig.ctx, &[]), ErrBusy);
    rig.refused(&rig.destroy(0x131, rig.vm, 2), ErrBusy);
    rig.ok(&rig.destroy(0x141, rig.queue, 2));
    rig.refused(&rig.exec(3, &[]), ErrInvalidHandle);
    rig.refused(&rig.queue_create(rig.vm, SLOT_QUEUE), ErrBusy);
    rig.ok(&rig.destroy(0x131, rig.vm, 2));
    rig.refused(&rig.bind(3, &[], &[]), ErrInvalidHandle);
    rig.fake.take_log();
    rig.step();
    let log = rig.fake.take_log();
    assert_eq!(
        log,
        ["queue 0 gone", "space gone"],
        "and the bind is given up"
    );
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.completed(SLOT_SPACE)),
        (2, 2)
    );
    assert_eq!(
        (rig.lost_from(SLOT_QUEUE), rig.lost_from(SLOT_SPACE)),
        (0, 0)
    );
    // Sequence numbers ascend over all owners of a slot.
    rig.vm = rig.ok(&rig.vm_create(SLOT_QUEUE))[0];
    rig.refused(&rig.bind(2, &[], &[]), ErrInvalidParameter);
    rig.ok(&rig.bind(3, &[], &[(SLOT_SPACE, 2)]));
    rig.step();
    assert_eq!(rig.completed(SLOT_QUEUE), 3);
    rig.ok(&rig.destroy(0x131, rig.vm, 4));
    rig.ok(&message(0x102, rig.ctx, &[]));
}

#[test]
fn a_reset_ends_everything_and_starts_anew() {
    let mut rig = Rig::new();
    rig.ok(&rig.exec(1, &[]));
    rig.ok(&rig.bind(1, &[], &[(SLOT_QUEUE, 1)]));
    rig.fake.take_log();
    rig.device.reset();
    assert_eq!(
        rig.fake.take_log(),
        ["stop", "queue 0 gone", "space gone"],
        "work is off the GPU before anything is unmapped"
    );
    rig.fake.finish(0);
    rig.step();
    assert_eq!(
        rig.completed(SLOT_QUEUE),
        0,
        "the memory is the driver's again"
    );
    rig.ok(&negotiate());
    let vm = rig.vm;
    rig.ctx = rig.ok(&message(0x101, 0, &[&[0; 24]]))[0];
    rig.refused(&rig.vm_create(SLOT_SPACE), ErrBusy);
    rig = Rig::set_up(rig);
    assert_ne!(rig.vm, vm);
    rig.ok(&rig.bind(1, &[], &[]));
    rig.step();
    assert_eq!(rig.completed(SLOT_SPACE), 1);
}

#[test]
fn a_pause_leaves_the_memory_alone_and_loses_nothing() {
    let mut rig = Rig::new();
    rig.ok(&rig.exec(1, &[]));
    rig.ok(&rig.bind(1, &[], &[]));
    rig.fake.take_log();
    rig.device.pause();
    rig.fake.finish(0);
    rig.step();
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.completed(SLOT_SPACE)),
        (0, 0)
    );
    rig.want(SLOT_QUEUE, 1);
    rig.device.resume();
    rig.step();
    assert_eq!(rig.fake.take_log(), ["pause", "resume"]);
    assert_eq!(
        (rig.completed(SLOT_QUEUE), rig.completed(SLOT_SPACE)),
        (1, 1)
    );
    assert!(rig.device.has_event());
}

#[test]
fn memory_that_goes_away_while_it_is_mapped_loses_the_device_first() {
    let mut rig = Rig::new();
    rig.fake.is_memory_in_use.store(true, Ordering::Relaxed);
    let mem = memory();
    // The fake says that it is in use whatever happens: it is an error then.
    assert!(rig.device.set_memory(&mem).is_err());
    assert!(rig.device.is_lost());
    assert!(rig.fake.take_log().contains(&"space gone".to_owned()));
    rig.refused(&rig.vm_create(3), ErrDeviceLost);
}

#[test]
fn without_the_option_there_are_no_such_commands() {
    let mut device = Device::new("test", identity(), limits(), None).unwrap();
    let mem = memory();
    for command in [0x103, 0x104, 0x130, 0x131, 0x132, 0x140, 0x141, 0x142] {
        let mut answer = [0; MAX_ANSWER];
        device.handle(&mem, &message(command, 0, &[]), &mut answer);
        assert_eq!(answer[..4], 0x1203u32.to_le_bytes());
    }
}
