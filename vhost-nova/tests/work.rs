// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Work on the GPU from a guest, over a real socket to the real daemon, on the model.
//!
//! Every byte of a message is written from `docs/virtio-nova.md`; the wire module is not used. What is in push
//! buffers comes from NVIDIA's class headers, as `nova-spec` has them.

mod common;

use std::time::{Duration, Instant};

use common::Daemon;
use lab_frontend::virtqueue::Chain;
use lab_frontend::{Options, Profile, Vmm, LONG};
use nova_spec::ce::{method, LaunchDma};
use nova_spec::host::{self, MethodHeader};

const OK: u32 = 0x1100;
const ERR_INVALID_CONTEXT: u32 = 0x1205;
const ERR_INVALID_HANDLE: u32 = 0x1206;
const ERR_LIMIT: u32 = 0x1209;
const ERR_LOST: u32 = 0x120e;

const PAGE: u64 = 4096;
const MIB: u64 = 1 << 20;
const VA: u64 = 8 << 30;
/// Where the push buffer is in the address space.
const PUSH: u64 = 16 << 30;

const SPACE: u32 = 0;
const QUEUE: u32 = 1;
const OTHER: u32 = 2;

fn le32(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn le64(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

/// Methods of a copy.
fn copy(from: u64, to: u64, len: u32) -> Vec<u8> {
    let mut words = Vec::new();
    let mut methods = |method, values: &[u32]| {
        let header = MethodHeader::incrementing(4, method, values.len() as u32).unwrap();
        words.push(header.raw_value());
        words.extend(values);
    };
    methods(host::method::SET_OBJECT, &[0xc7b5]);
    let halves = |address: u64| [(address >> 32) as u32, address as u32];
    let ([in_hi, in_lo], [out_hi, out_lo]) = (halves(from), halves(to));
    methods(
        method::OFFSET_IN_UPPER,
        &[in_hi, in_lo, out_hi, out_lo, 0, 0, len, 1],
    );
    methods(method::LAUNCH_DMA, &[LaunchDma::copy().raw_value()]);
    le32(&words)
}

/// A guest with an address space, a queue, and a page for push buffers.
struct Guest {
    vmm: Vmm,
    ctx: u32,
    vm: u32,
    queue: u32,
    fences: u64,
    push: u64,
    /// Sequence numbers, by slot.
    last: [u64; 3],
}

impl Guest {
    fn attach(daemon: &Daemon, name: &str) -> Self {
        let options = Options::new(Profile::Qemu).regions(&[(0, 96 * MIB)]);
        let vmm = Vmm::attach(daemon.socket(name), options).unwrap();
        let mut guest = Self {
            vmm,
            ctx: 0,
            vm: 0,
            queue: 0,
            fences: 0,
            push: 0,
            last: [0; 3],
        };
        guest.fences = guest.vmm.ram.alloc(PAGE).unwrap();
        guest.push = guest.vmm.ram.alloc(PAGE).unwrap();
        guest.begin();
        guest
    }

    /// From negotiation to a queue, as after a reset.
    fn begin(&mut self) {
        self.last = [0; 3];
        self.ok(0x100, 0, &[le32(&[1, 0])]);
        self.ctx = self.ok(0x101, 0, &[vec![0; 24]])[0];
        let fences = [le64(&[self.fences]), le32(&[PAGE as u32, 0])];
        self.ok(0x103, 0, &fences);
        self.vm = self.ok(0x130, self.ctx, &[le32(&[SPACE, 0])])[0];
        self.queue = self.queue_in(QUEUE);
        let object = self.system(self.push, PAGE);
        let bound = self.map(object, PUSH, PAGE);
        self.wait(SPACE, bound);
    }

    fn ask(&mut self, command: u32, ctx: u32, body: &[Vec<u8>]) -> (u32, Vec<u32>) {
        let mut request = le32(&[command, 0, 0, 0, ctx, 0]);
        request.extend(body.concat());
        let answer = self.vmm.request(&request, 96).unwrap();
        let words: Vec<_> = answer
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        (words[0], words[6..].to_vec())
    }

    #[track_caller]
    fn ok(&mut self, command: u32, ctx: u32, body: &[Vec<u8>]) -> Vec<u32> {
        let (status, words) = self.ask(command, ctx, body);
        assert_eq!(status, OK, "command {command:#x}: {status:#x}");
        words
    }

    fn next(&mut self, slot: u32) -> u64 {
        self.last[slot as usize] += 1;
        self.last[slot as usize]
    }

    fn queue_in(&mut self, slot: u32) -> u32 {
        let body = [le32(&[self.vm, slot, 1, 1, 0, 0])];
        self.ok(0x140, self.ctx, &body)[0]
    }

    /// An object of adjacent guest pages.
    fn system(&mut self, addr: u64, len: u64) -> u32 {
        let body = [
            le64(&[len]),
            le32(&[1, 1]),
            le64(&[addr]),
            le32(&[len as u32, 0]),
        ];
        self.ok(0x110, self.ctx, &body)[0]
    }

    fn vram(&mut self, len: u64) -> u32 {
        let body = [le64(&[len]), le32(&[2, 0])];
        self.ok(0x110, self.ctx, &body)[0]
    }

    fn close(&mut self, handle: u32) {
        self.ok(0x112, self.ctx, &[le32(&[handle, 0])]);
    }

    /// Binds one operation: op, handle; address, length.
    fn bind(&mut self, op: u32, handle: u32, addr: u64, length: u64) -> u64 {
        let seqno = self.next(SPACE);
        let body = [
            le32(&[self.vm, 1]),
            le64(&[seqno]),
            le32(&[0, 0, op, 0, handle, 0]),
            le64(&[addr, 0, length]),
        ];
        self.ok(0x132, self.ctx, &body);
        seqno
    }

    fn map(&mut self, handle: u32, addr: u64, length: u64) -> u64 {
        self.bind(0, handle, addr, length)
    }

    fn unmap(&mut self, addr: u64, length: u64) -> u64 {
        self.bind(1, 0, addr, length)
    }

    /// A submission of `times` pushes of what is in the push buffer from `at` on.
    fn exec(
        &mut self,
        (queue, slot): (u32, u32),
        (at, len): (u64, usize),
        times: u32,
        waits: &[(u32, u64)],
    ) -> u64 {
        let seqno = self.next(slot);
        let (status, _) = self.try_exec(queue, seqno, (at, len), times, waits);
        assert_eq!(status, OK);
        seqno
    }

    fn try_exec(
        &mut self,
        queue: u32,
        seqno: u64,
        (at, len): (u64, usize),
        times: u32,
        waits: &[(u32, u64)],
    ) -> (u32, Vec<u32>) {
        let mut body = vec![
            le32(&[queue, times]),
            le64(&[seqno]),
            le32(&[waits.len() as u32, 0]),
        ];
        for _ in 0..times {
            body.push(le64(&[PUSH + at]));
            body.push(le32(&[len as u32, 0]));
        }
        for (slot, seqno) in waits {
            body.push(le32(&[*slot, 0]));
            body.push(le64(&[*seqno]));
        }
        self.ask(0x142, self.ctx, &body)
    }

    /// Writes methods into the push buffer.
    fn methods(&mut self, at: u64, methods: &[u8]) -> (u64, usize) {
        self.vmm.ram.write(self.push + at, methods).unwrap();
        (at, methods.len())
    }

    /// Copies and waits.
    fn copy(&mut self, from: u64, to: u64, len: u64) {
        let push = self.methods(0, &copy(from, to, len as u32));
        let done = self.exec((self.queue, QUEUE), push, 1, &[]);
        self.wait(QUEUE, done);
        assert_eq!(self.word(QUEUE, 16), 0, "the queue is lost");
    }

    fn word(&self, slot: u32, offset: u64) -> u64 {
        let at = self.fences + u64::from(slot) * 32 + offset;
        let bytes = self.vmm.ram.read(at, 8).unwrap();
        u64::from_le_bytes(bytes.try_into().unwrap())
    }

    /// Waits until a slot is complete up to there.
    #[track_caller]
    fn wait(&self, slot: u32, seqno: u64) {
        let what = format!("sequence number {seqno} of slot {slot}");
        until(&what, || self.word(slot, 0) >= seqno);
    }

    fn fill(&self, addr: u64, len: u64, byte: u8) {
        self.vmm.ram.write(addr, &vec![byte; len as usize]).unwrap();
    }
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < end, "{what} does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn noise(len: u64) -> Vec<u8> {
    let mut state = 0x1234_5678_9abc_def1u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn bytes_go_to_vram_and_back() {
    let daemon = Daemon::start(&["alice"]);
    let mut guest = Guest::attach(&daemon, "alice");
    const LEN: u64 = 256 << 10;
    let source = guest.vmm.ram.alloc(LEN).unwrap();
    let target = guest.vmm.ram.alloc(LEN).unwrap();
    let data = noise(LEN);
    guest.vmm.ram.write(source, &data).unwrap();
    let objects = [
        (guest.system(source, LEN), VA),
        (guest.vram(LEN), VA + MIB),
        (guest.system(target, LEN), VA + 2 * MIB),
    ];
    let mut bound = 0;
    for (object, addr) in objects {
        bound = guest.map(object, addr, LEN);
        // A mapping keeps its object.
        guest.close(object);
    }
    // There on one queue, back on another that waits for it.
    let other = guest.queue_in(OTHER);
    let there = guest.methods(0, &copy(VA + 3, VA + MIB + 1, LEN as u32 - 8));
    let back = guest.methods(512, &copy(VA + MIB + 1, VA + 2 * MIB + 5, LEN as u32 - 8));
    let first = guest.exec((guest.queue, QUEUE), there, 1, &[(SPACE, bound)]);
    let second = guest.exec((other, OTHER), back, 1, &[(QUEUE, first)]);
    guest.wait(OTHER, second);
    let found = guest.vmm.ram.read(target, LEN as usize).unwrap();
    assert!(found[5..LEN as usize - 3] == data[3..LEN as usize - 5]);
    assert_eq!(found[..5], [0; 5]);
    assert_eq!(found[LEN as usize - 3..], [0; 3]);
    assert_eq!((guest.word(QUEUE, 16), guest.word(OTHER, 16)), (0, 0));
    // Everything is destroyed in the order that it has to be.
    for (command, id, slot) in [
        (0x141, guest.queue, QUEUE),
        (0x141, other, OTHER),
        (0x131, guest.vm, SPACE),
    ] {
        let seqno = guest.next(slot);
        guest.ok(command, guest.ctx, &[le32(&[id, 0]), le64(&[seqno])]);
    }
    for slot in [QUEUE, OTHER, SPACE] {
        guest.wait(slot, guest.last[slot as usize]);
    }
    guest.ok(0x102, guest.ctx, &[]);
}

#[test]
fn an_event_comes_to_who_wants_it() {
    let daemon = Daemon::start(&["alice"]);
    let mut guest = Guest::attach(&daemon, "alice");
    let buffer = guest.vmm.ram.alloc(PAGE).unwrap();
    let page = guest.vmm.ram.alloc(2 * PAGE).unwrap();
    let object = guest.system(page, 2 * PAGE);
    let bound = guest.map(object, VA, 2 * PAGE);
    guest.wait(SPACE, bound);
    let chain = Chain {
        writable: vec![(buffer, 32)],
        ..Chain::default()
    };
    let (ram, events) = guest.vmm.queue(1);
    events.send(ram, &chain).unwrap();
    let wanted = guest.last[QUEUE as usize] + 1;
    let place = guest.fences + u64::from(QUEUE) * 32 + 8;
    guest.vmm.ram.write(place, &le64(&[wanted])).unwrap();
    let push = guest.methods(0, &copy(VA, VA + PAGE, 4096));
    guest.exec((guest.queue, QUEUE), push, 1, &[]);
    let (ram, events) = guest.vmm.queue(1);
    assert_eq!(events.wait_used(ram, LONG).unwrap().len, 32);
    let mut expected = vec![0; 32];
    expected[0] = 2;
    assert_eq!(ram.read(buffer, 32).unwrap(), expected);
    assert!(guest.word(QUEUE, 0) >= wanted);
}

#[test]
fn vram_holds_nothing_of_an_earlier_owner() {
    let daemon = Daemon::start(&["alice,vram_quota=24M", "bob,vram_quota=24M"]);
    const LEN: u64 = 16 * MIB;
    let mut alice = Guest::attach(&daemon, "alice");
    let mut bob = Guest::attach(&daemon, "bob");
    for guest in [&mut alice, &mut bob] {
        let page = guest.vmm.ram.alloc(LEN).unwrap();
        let system = guest.system(page, LEN);
        let bound = guest.map(system, VA, LEN);
        guest.wait(SPACE, bound);
        for _ in 0..2 {
            guest.fill(page, LEN, 0xa5);
            // What was given back counts until it is erased.
            let mut vram = 0;
            until("erased memory", || {
                let body = [le64(&[LEN]), le32(&[2, 0])];
                let (status, words) = guest.ask(0x110, guest.ctx, &body);
                assert!(status == OK || status == ERR_LIMIT, "{status:#x}");
                vram = words.first().copied().unwrap_or(0);
                status == OK
            });
            let bound = guest.map(vram, VA + (1 << 30), LEN);
            guest.wait(SPACE, bound);
            guest.copy(VA + (1 << 30), VA, LEN);
            let found = guest.vmm.ram.read(page, LEN as usize).unwrap();
            assert!(found.iter().all(|&byte| byte == 0));
            guest.fill(page, LEN, 0x5a);
            guest.copy(VA, VA + (1 << 30), LEN);
            let gone = guest.unmap(VA + (1 << 30), LEN);
            guest.close(vram);
            guest.wait(SPACE, gone);
        }
    }
}

#[test]
fn a_fault_loses_its_queue_and_others_go_on() {
    let daemon = Daemon::start(&["alice", "bob"]);
    let mut alice = Guest::attach(&daemon, "alice");
    let mut bob = Guest::attach(&daemon, "bob");
    let buffer = alice.vmm.ram.alloc(PAGE).unwrap();
    let chain = Chain {
        writable: vec![(buffer, 32)],
        ..Chain::default()
    };
    let (ram, events) = alice.vmm.queue(1);
    events.send(ram, &chain).unwrap();
    let other = alice.queue_in(OTHER);
    let nowhere = VA + (5 << 30);
    let push = alice.methods(0, &copy(nowhere, PUSH + 2048, 64));
    let lost = alice.exec((alice.queue, QUEUE), push, 1, &[]);
    alice.wait(QUEUE, lost);
    assert_eq!(alice.word(QUEUE, 16), lost);
    let (ram, events) = alice.vmm.queue(1);
    assert_eq!(events.wait_used(ram, LONG).unwrap().len, 32);
    let event = ram.read(buffer, 32).unwrap();
    assert_eq!(event[..4], [3, 0, 0, 0]);
    assert_eq!(event[8..12], alice.ctx.to_le_bytes());
    assert_eq!(event[16..24], le64(&[u64::from(QUEUE) | 1 << 32])[..]);
    assert_eq!(event[24..32], le64(&[nowhere])[..]);
    let refused = alice.try_exec(alice.queue, lost + 1, push, 1, &[]);
    assert_eq!(refused.0, ERR_LOST);
    // Another queue of the same address space, and another tenant.
    let good = alice.methods(512, &copy(PUSH + 1024, PUSH + 2048, 64));
    let done = alice.exec((other, OTHER), good, 1, &[]);
    alice.wait(OTHER, done);
    assert_eq!(alice.word(OTHER, 16), 0);
    bob.copy(PUSH + 1024, PUSH + 2048, 64);
}

#[test]
fn ids_of_another_tenant_name_nothing() {
    let daemon = Daemon::start(&["alice", "bob"]);
    let mut alice = Guest::attach(&daemon, "alice");
    // Alice's ids go on where bob's end.
    for _ in 0..3 {
        alice.queue = {
            let seqno = alice.next(QUEUE);
            let body = [le32(&[alice.queue, 0]), le64(&[seqno])];
            alice.ok(0x141, alice.ctx, &body);
            alice.wait(QUEUE, seqno);
            alice.queue_in(QUEUE)
        };
    }
    let second = alice.ok(0x101, 0, &[vec![0; 24]])[0];
    let mut bob = Guest::attach(&daemon, "bob");
    let (queue, ctx) = (alice.queue, bob.ctx);
    let ids = [le32(&[queue, 0]), le64(&[1 << 32])];
    let exec = [le32(&[queue, 0]), le64(&[1 << 32, 0])];
    let create = [le32(&[queue, OTHER, 1, 1, 0, 0])];
    for (command, body) in [
        (0x131, &ids[..]),
        (0x141, &ids),
        (0x132, &exec),
        (0x142, &exec),
        (0x140, &create),
    ] {
        assert_eq!(bob.ask(command, ctx, body).0, ERR_INVALID_HANDLE);
        assert_eq!(bob.ask(command, second, body).0, ERR_INVALID_CONTEXT);
    }
    alice.copy(PUSH + 1024, PUSH + 2048, 64);
    bob.copy(PUSH + 1024, PUSH + 2048, 64);
}

/// Has a guest's GPU copy 1 GiB into its RAM, in pieces; returns where, when it has begun.
fn long_copy(guest: &mut Guest) -> (u64, u64) {
    const LEN: u64 = 32 * MIB;
    let source = guest.vmm.ram.alloc(LEN).unwrap();
    let target = guest.vmm.ram.alloc(LEN).unwrap();
    guest.fill(source, LEN, 0x77);
    for (addr, va) in [(source, VA), (target, VA + (1 << 30))] {
        let object = guest.system(addr, LEN);
        let bound = guest.map(object, va, LEN);
        guest.wait(SPACE, bound);
    }
    let push = guest.methods(0, &copy(VA, VA + (1 << 30), LEN as u32));
    for _ in 0..8 {
        guest.exec((guest.queue, QUEUE), push, 32, &[]);
    }
    until("the first byte", || {
        guest.vmm.ram.read(target, 1).unwrap() == [0x77]
    });
    assert!(guest.word(QUEUE, 0) < guest.last[QUEUE as usize]);
    (target, LEN)
}

#[test]
fn no_byte_changes_after_a_reset_was_answered() {
    let daemon = Daemon::start(&["alice"]);
    let mut guest = Guest::attach(&daemon, "alice");
    let (target, len) = long_copy(&mut guest);
    guest.vmm.stop().unwrap();
    let before = guest.vmm.ram.read(guest.fences, 128).unwrap();
    guest.fill(target, len, 0x11);
    // Long enough for many copies: they are not slower than this.
    std::thread::sleep(Duration::from_millis(300));
    let found = guest.vmm.ram.read(target, len as usize).unwrap();
    assert!(found.iter().all(|&byte| byte == 0x11));
    assert_eq!(guest.vmm.ram.read(guest.fences, 128).unwrap(), before);
    guest.vmm.reboot().unwrap();
    guest.begin();
    guest.copy(PUSH + 1024, PUSH + 2048, 64);
    let found = guest.vmm.ram.read(target, len as usize).unwrap();
    assert!(found.iter().all(|&byte| byte == 0x11));
}

#[test]
fn who_leaves_in_the_middle_disturbs_nobody() {
    let mut daemon = Daemon::start(&["alice", "bob"]);
    let mut bob = Guest::attach(&daemon, "bob");
    let mut alice = Guest::attach(&daemon, "alice");
    long_copy(&mut alice);
    drop(alice);
    daemon.wait_log("disconnected");
    bob.copy(PUSH + 1024, PUSH + 2048, 64);
    let mut alice = Guest::attach(&daemon, "alice");
    alice.copy(PUSH + 1024, PUSH + 2048, 64);
    assert_eq!(daemon.logged("ERROR"), [""; 0]);
}
