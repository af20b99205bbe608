// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a hostile guest sends, over a real socket to the real daemon, under both monitors' handshakes.
//!
//! Every byte is written from `docs/virtio-nova.md`; the wire module is not used. A second tenant works
//! beside it all the time and must notice nothing.

use lab_frontend::{
    virtqueue::{Chain, Descriptor, INDIRECT, NEXT, WRITE},
    Options, Profile, Vmm, LONG,
};

mod common;

const OK: u32 = 0x1100;
const ERR_INVALID_CHAIN: u32 = 0x1201;
const ERR_INVALID_LENGTH: u32 = 0x1202;
const ERR_INVALID_COMMAND: u32 = 0x1203;
const ERR_INVALID_PARAMETER: u32 = 0x1204;
const ERR_INVALID_CONTEXT: u32 = 0x1205;
const ERR_INVALID_HANDLE: u32 = 0x1206;
const ERR_INVALID_ADDRESS: u32 = 0x1207;
const ERR_LIMIT: u32 = 0x1209;
const ERR_VERSION: u32 = 0x120a;
const ERR_NOT_NEGOTIATED: u32 = 0x120b;
const ERR_BUSY: u32 = 0x120d;

const PAGE: u64 = 4096;
/// Guest memory of a tenant: one region from 0.
const MEMORY: u64 = 16 << 20;

fn le32(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn le64(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// `struct virtio_nova_hdr`, then `body`.
fn request(command: u32, ctx: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = le32(&[command, 0, 0, 0, ctx, 0]);
    bytes.extend(body);
    bytes
}

fn negotiate(major: u8) -> Vec<u8> {
    request(0x100, 0, &[major, 0, 0, 0, 0, 0, 0, 0])
}

fn ctx_create() -> Vec<u8> {
    request(0x101, 0, &[0; 24])
}

fn create(ctx: u32, size: u64, entries: &[(u64, u32)]) -> Vec<u8> {
    let mut body = le64(&[size]);
    body.extend(le32(&[1, entries.len() as u32]));
    for (addr, length) in entries {
        body.extend(le64(&[*addr]));
        body.extend(le32(&[*length, 0]));
    }
    request(0x110, ctx, &body)
}

fn close(ctx: u32, handle: u32) -> Vec<u8> {
    request(0x112, ctx, &le32(&[handle, 0]))
}

fn checksum(ctx: u32, handle: u32, op: u32, offset: u64, length: u64) -> Vec<u8> {
    let mut body = le32(&[handle, op]);
    body.extend(le64(&[offset, length, 0]));
    request(0x120, ctx, &body)
}

/// A tenant that misbehaves, and one that works.
struct Pair {
    // Goes last: the daemon outlives both connections.
    bad: Guest,
    good: Guest,
    daemon: common::Daemon,
}

struct Guest {
    vmm: Vmm,
    ctx: u32,
    handle: u32,
    crc: u32,
}

impl Guest {
    fn attach(daemon: &common::Daemon, name: &str, profile: Profile) -> Self {
        let options = Options::new(profile).regions(&[(0, MEMORY)]);
        let mut vmm = Vmm::attach(daemon.socket(name), options).unwrap();
        assert_eq!(ask(&mut vmm, &negotiate(1)).0, OK);
        let ctx = ask(&mut vmm, &ctx_create()).1[0];
        let page = vmm.ram.alloc(PAGE).unwrap();
        vmm.ram.write(page, &[0x5a; PAGE as usize]).unwrap();
        let handle = ask(&mut vmm, &create(ctx, PAGE, &[(page, PAGE as u32)])).1[0];
        let mut guest = Self {
            vmm,
            ctx,
            handle,
            crc: 0,
        };
        guest.crc = guest.sum();
        guest
    }

    fn sum(&mut self) -> u32 {
        let (status, body) = ask(&mut self.vmm, &checksum(self.ctx, self.handle, 0, 0, PAGE));
        assert_eq!(status, OK);
        body[0]
    }

    /// Its object is there, with what was in it.
    fn works(&mut self) {
        let crc = self.crc;
        assert_eq!(self.sum(), crc);
    }
}

impl Pair {
    /// One for each monitor.
    fn both(test: impl Fn(&mut Pair)) {
        for profile in [Profile::Qemu, Profile::CloudHypervisor53] {
            let daemon = common::Daemon::start(&["good", "bad"]);
            let mut pair = Pair {
                bad: Guest::attach(&daemon, "bad", profile),
                good: Guest::attach(&daemon, "good", profile),
                daemon,
            };
            test(&mut pair);
            pair.good.works();
            assert!(pair.daemon.is_running());
        }
    }

    /// A request is refused, and neither tenant lost anything.
    fn refused(&mut self, bytes: &[u8], expected: u32) {
        let (status, body) = ask(&mut self.bad.vmm, bytes);
        assert_eq!(status, expected, "{:x?}", &bytes[..bytes.len().min(64)]);
        assert!(body.is_empty(), "an error is a header only");
        self.bad.works();
    }

    /// Raw descriptors from index 0 of the bad tenant's table; the used length.
    fn raw(&mut self, table: &[Descriptor]) -> u32 {
        let (ram, queue) = self.bad.vmm.queue(0);
        for (index, descriptor) in table.iter().enumerate() {
            queue
                .set_descriptor(ram, index as u16, *descriptor)
                .unwrap();
        }
        queue.make_available(ram, 0).unwrap();
        queue.kick().unwrap();
        let used = queue.wait_used(ram, LONG).unwrap();
        assert_eq!(used.id, 0);
        used.len
    }
}

/// Status and body of an answer, with room for any.
fn ask(vmm: &mut Vmm, bytes: &[u8]) -> (u32, Vec<u32>) {
    let answer = vmm.request(bytes, 256).unwrap();
    words(&answer)
}

fn words(answer: &[u8]) -> (u32, Vec<u32>) {
    let words: Vec<u32> = answer
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    assert_eq!([words[1], words[2], words[3], words[5]], [0; 4]);
    (words[0], words[6..].to_vec())
}

fn status_at(vmm: &mut Vmm, addr: u64) -> u32 {
    u32::from_le_bytes(vmm.ram.read(addr, 4).unwrap().try_into().unwrap())
}

fn descriptor(addr: u64, len: u32, flags: u16, next: u16) -> Descriptor {
    Descriptor {
        addr,
        len,
        flags,
        next,
    }
}

#[test]
fn requests_that_make_no_sense() {
    Pair::both(|pair| {
        for command in [0, 1, 0xff, 0x10f, 0x114, 0x121, 0x1100, u32::MAX] {
            pair.refused(&request(command, 0, &[]), ERR_INVALID_COMMAND);
        }
        let (ctx, handle) = (pair.bad.ctx, pair.bad.handle);
        let valid = [
            negotiate(1),
            ctx_create(),
            request(0x102, ctx, &[]),
            create(ctx, PAGE, &[(0, PAGE as u32)]),
            request(0x111, ctx, &[le32(&[handle, 1]), vec![0; 16]].concat()),
            close(ctx, handle),
            request(0x113, ctx, &le32(&[ctx, handle])),
            checksum(ctx, handle, 0, 0, 1),
        ];
        for bytes in &valid {
            for len in [1, 4, 23, bytes.len() - 1] {
                // At 24 bytes CTX_DESTROY is whole.
                pair.refused(&bytes[..len], ERR_INVALID_LENGTH);
            }
            for more in [1, 4, 16, 1000] {
                let mut longer = bytes.clone();
                longer.resize(bytes.len() + more, 0);
                pair.refused(&longer, ERR_INVALID_LENGTH);
            }
            for at in [4, 7, 8, 15, 20, 21, 23] {
                let mut reserved = bytes.clone();
                reserved[at] = 0x80;
                pair.refused(&reserved, ERR_INVALID_PARAMETER);
            }
        }
        pair.refused(&negotiate(0), ERR_VERSION);
        pair.refused(&negotiate(2), ERR_VERSION);
    });
}

#[test]
fn ids_that_are_not_theirs() {
    Pair::both(|pair| {
        // The good tenant has more contexts and handles than the bad one, so that its ids mean something only there.
        let foreign_ctx = ask(&mut pair.good.vmm, &ctx_create()).1[0];
        let foreign_handle = ask(&mut pair.good.vmm, &create(pair.good.ctx, PAGE, &[])).1[0];
        let (ctx, handle) = (pair.bad.ctx, pair.bad.handle);
        for id in [0, foreign_ctx, ctx ^ 0x1000_0000, u32::MAX] {
            pair.refused(&request(0x102, id, &[]), ERR_INVALID_CONTEXT);
            pair.refused(&create(id, PAGE, &[]), ERR_INVALID_CONTEXT);
            pair.refused(&close(id, handle), ERR_INVALID_CONTEXT);
            pair.refused(&checksum(id, handle, 0, 0, 1), ERR_INVALID_CONTEXT);
            pair.refused(
                &request(0x113, ctx, &le32(&[id, handle])),
                ERR_INVALID_CONTEXT,
            );
        }
        for other in [0, foreign_handle, handle + 1, u32::MAX] {
            pair.refused(&close(ctx, other), ERR_INVALID_HANDLE);
            pair.refused(&checksum(ctx, other, 0, 0, 1), ERR_INVALID_HANDLE);
            pair.refused(
                &request(0x113, ctx, &le32(&[ctx, other])),
                ERR_INVALID_HANDLE,
            );
        }
        pair.refused(&request(0x101, ctx, &[0; 24]), ERR_INVALID_CONTEXT);
        pair.refused(
            &request(0x100, ctx, &[1, 0, 0, 0, 0, 0, 0, 0]),
            ERR_INVALID_CONTEXT,
        );
        // Not negotiated any more after a reset.
        pair.bad.vmm.reboot().unwrap();
        assert_eq!(ask(&mut pair.bad.vmm, &ctx_create()).0, ERR_NOT_NEGOTIATED);
        assert_eq!(
            ask(&mut pair.bad.vmm, &close(ctx, handle)).0,
            ERR_NOT_NEGOTIATED
        );
    });
}

#[test]
fn sizes_and_addresses_that_overflow() {
    Pair::both(|pair| {
        let (ctx, handle, page) = (pair.bad.ctx, pair.bad.handle, PAGE as u32);
        for size in [0, 1, PAGE + 1, u64::MAX, u64::MAX - PAGE + 1] {
            pair.refused(&create(ctx, size, &[]), ERR_INVALID_PARAMETER);
        }
        for entry in [(1, page), (0, 0), (0, 1), (PAGE - 1, page)] {
            pair.refused(&create(ctx, 4 * PAGE, &[entry]), ERR_INVALID_PARAMETER);
        }
        pair.refused(&create(ctx, PAGE, &[(0, 2 * page)]), ERR_INVALID_PARAMETER);
        for addr in [MEMORY, MEMORY + PAGE, 1 << 40, 0u64.wrapping_sub(PAGE)] {
            pair.refused(&create(ctx, PAGE, &[(addr, page)]), ERR_INVALID_ADDRESS);
        }
        let last = MEMORY - PAGE;
        pair.refused(
            &create(ctx, 2 * PAGE, &[(last, 2 * page)]),
            ERR_INVALID_ADDRESS,
        );
        let wrap = (0u64.wrapping_sub(PAGE), 0xffff_f000);
        pair.refused(&create(ctx, 1 << 33, &[wrap]), ERR_INVALID_ADDRESS);
        // More entries than there are bytes, and more than one request may have.
        let mut bytes = create(ctx, PAGE, &[(0, page)]);
        bytes[36..40].copy_from_slice(&u32::MAX.to_le_bytes());
        pair.refused(&bytes, ERR_INVALID_LENGTH);
        for (offset, length) in [
            (0, 0),
            (PAGE, 1),
            (u64::MAX, 1),
            (1, u64::MAX),
            (0, PAGE + 1),
        ] {
            pair.refused(
                &checksum(ctx, handle, 0, offset, length),
                ERR_INVALID_PARAMETER,
            );
        }
        pair.refused(&checksum(ctx, handle, 7, 0, 1), ERR_INVALID_PARAMETER);
        let empty = ask(&mut pair.bad.vmm, &create(ctx, PAGE, &[])).1[0];
        pair.refused(&checksum(ctx, empty, 0, 0, 1), ERR_BUSY);
        let add = request(
            0x111,
            ctx,
            &[le32(&[handle, 1]), vec![0; 8], le32(&[page, 0])].concat(),
        );
        pair.refused(&add, ERR_BUSY);
    });
}

#[test]
fn limits_are_those_of_the_configuration_space() {
    Pair::both(|pair| {
        let config = pair.bad.vmm.config(0, 32).unwrap();
        let word = |at: usize| u32::from_le_bytes(config[at..at + 4].try_into().unwrap());
        let (contexts, handles, entries) = (word(12), word(16), word(20));
        assert_eq!(config[..4], *b"NOVA");
        let ctx = pair.bad.ctx;
        let extra: Vec<u32> = (1..contexts)
            .map(|_| {
                let (status, body) = ask(&mut pair.bad.vmm, &ctx_create());
                assert_eq!(status, OK);
                body[0]
            })
            .collect();
        pair.refused(&ctx_create(), ERR_LIMIT);
        assert_eq!(ask(&mut pair.bad.vmm, &request(0x102, extra[0], &[])).0, OK);
        assert_eq!(ask(&mut pair.bad.vmm, &ctx_create()).0, OK);
        for _ in 1..handles {
            assert_eq!(ask(&mut pair.bad.vmm, &create(extra[1], PAGE, &[])).0, OK);
        }
        pair.refused(&create(ctx, PAGE, &[]), ERR_LIMIT);
        assert_eq!(ask(&mut pair.bad.vmm, &request(0x102, extra[1], &[])).0, OK);
        // One request with as many entries as there may be, and one with more.
        let size = u64::from(entries) * PAGE;
        let list = vec![(0, PAGE as u32); entries as usize];
        assert_eq!(ask(&mut pair.bad.vmm, &create(ctx, size, &list)).0, OK);
        let more = vec![(0, PAGE as u32); entries as usize + 1];
        // Longer than any request: the chain itself is refused.
        pair.refused(&create(ctx, size + PAGE, &more), ERR_INVALID_CHAIN);
    });
}

#[test]
fn chains_split_in_any_way_are_one_request() {
    Pair::both(|pair| {
        let bytes = checksum(pair.bad.ctx, pair.bad.handle, 0, 0, PAGE);
        let ram = &mut pair.bad.vmm.ram;
        let (from, to) = (ram.alloc(64).unwrap(), ram.alloc(64).unwrap());
        let table = ram.alloc(128 * 16).unwrap();
        ram.write(from, &bytes).unwrap();
        let pieces = |at: u64, len: u64, step: u64| -> Vec<(u64, u32)> {
            let starts = (0..len).step_by(step as usize);
            starts
                .map(|start| (at + start, step.min(len - start) as u32))
                .collect()
        };
        for (step, indirect) in [(56, None), (7, None), (24, Some(table)), (1, Some(table))] {
            let chain = Chain {
                readable: pieces(from, 56, step),
                writable: pieces(to, 32, step),
                indirect,
            };
            let answer = pair.bad.vmm.send(&chain).unwrap();
            assert_eq!(
                words(&answer),
                (OK, vec![pair.bad.crc, 0]),
                "pieces of {step}"
            );
        }
    });
}

#[test]
fn chains_that_cannot_be_walked() {
    Pair::both(|pair| {
        let ram = &mut pair.bad.vmm.ram;
        let (from, to, table) = (
            ram.alloc(64).unwrap(),
            ram.alloc(256).unwrap(),
            ram.alloc(4096).unwrap(),
        );
        let bytes = ctx_create();
        let len = bytes.len() as u32;
        ram.write(from, &bytes).unwrap();
        let readable = descriptor(from, len, NEXT, 1);
        let writable = descriptor(to, 256, WRITE, 0);
        let answered: &[(&str, Vec<Descriptor>)] = &[
            (
                "a loop",
                vec![readable, descriptor(to, 256, WRITE | NEXT, 1)],
            ),
            (
                "a loop to the start",
                vec![readable, descriptor(to, 256, WRITE | NEXT, 0)],
            ),
            (
                "next out of range",
                vec![readable, descriptor(to, 256, WRITE | NEXT, 0x7fff)],
            ),
            (
                "readable after writable",
                vec![
                    readable,
                    descriptor(to, 256, WRITE | NEXT, 2),
                    descriptor(from, len, 0, 0),
                ],
            ),
            (
                "readable outside memory",
                vec![descriptor(MEMORY, len, NEXT, 1), writable],
            ),
            (
                "readable over the end of memory",
                vec![descriptor(MEMORY - 8, len, NEXT, 1), writable],
            ),
            (
                "readable that overflows",
                vec![descriptor(u64::MAX - 8, len, NEXT, 1), writable],
            ),
            (
                "too much to read",
                vec![descriptor(0, 1 << 20, NEXT, 1), writable],
            ),
        ];
        for (what, chain) in answered {
            pair.bad.vmm.ram.write(to, &[0xee; 256]).unwrap();
            let used = pair.raw(chain);
            assert_eq!(used, 24, "{what}");
            assert_eq!(
                status_at(&mut pair.bad.vmm, to),
                ERR_INVALID_CHAIN,
                "{what}"
            );
            let rest = pair.bad.vmm.ram.read(to + 24, 232).unwrap();
            assert!(
                rest.iter().all(|byte| *byte == 0xee),
                "{what}: wrote behind its answer"
            );
            pair.bad.works();
        }
        let silent: &[(&str, Vec<Descriptor>)] = &[
            ("nothing to write to", vec![descriptor(from, len, 0, 0)]),
            (
                "23 bytes to write to",
                vec![readable, descriptor(to, 23, WRITE, 0)],
            ),
            (
                "a read-only descriptor for the answer",
                vec![readable, descriptor(to, 256, 0, 0)],
            ),
            (
                "an answer outside memory",
                vec![readable, descriptor(MEMORY, 256, WRITE, 0)],
            ),
            (
                "an answer at an address that overflows",
                vec![readable, descriptor(u64::MAX - 8, 256, WRITE, 0)],
            ),
        ];
        for (what, chain) in silent {
            pair.bad.vmm.ram.write(to, &[0xee; 256]).unwrap();
            assert_eq!(pair.raw(chain), 0, "{what}");
            let untouched = pair.bad.vmm.ram.read(to, 256).unwrap();
            assert!(untouched.iter().all(|byte| *byte == 0xee), "{what}");
            pair.bad.works();
        }
        // Room for a header, not for the answer: not carried out.
        for room in [24, 31] {
            assert_eq!(pair.raw(&[readable, descriptor(to, room, WRITE, 0)]), 24);
            assert_eq!(status_at(&mut pair.bad.vmm, to), ERR_INVALID_LENGTH);
        }
        indirect(pair, from, len, to, table);
        // The context of the start, the one of the good table, and as many more as there may be: none
        // was made without an answer.
        let config = pair.bad.vmm.config(12, 4).unwrap();
        let limit = u32::from_le_bytes(config.try_into().unwrap());
        let mut more = 0;
        while ask(&mut pair.bad.vmm, &ctx_create()).0 == OK {
            more += 1;
        }
        assert_eq!(more, limit - 2);
    });
}

/// Indirect tables that make no sense.
fn indirect(pair: &mut Pair, from: u64, len: u32, to: u64, table: u64) {
    let write = |vmm: &mut Vmm, list: &[Descriptor]| {
        let bytes: Vec<u8> = list
            .iter()
            .flat_map(|descriptor| descriptor.to_bytes())
            .collect();
        vmm.ram.write(table, &bytes).unwrap();
    };
    let good = [
        descriptor(from, len, NEXT, 1),
        descriptor(to, 256, WRITE, 0),
    ];
    let nested = [
        descriptor(from, len, NEXT, 1),
        descriptor(table, 32, INDIRECT, 0),
    ];
    let looped = [
        descriptor(from, len, NEXT, 1),
        descriptor(to, 256, WRITE | NEXT, 1),
    ];
    for (what, list, addr, bytes) in [
        ("half a descriptor", &good, table, 40),
        ("an empty table", &good, table, 0),
        ("a table outside memory", &good, MEMORY, 32),
        ("a table over the end of memory", &good, MEMORY - 16, 32),
        ("a table whose address overflows", &good, u64::MAX - 8, 32),
        ("a table inside a table", &nested, table, 32),
        ("a loop in a table", &looped, table, 32),
    ] {
        write(&mut pair.bad.vmm, list);
        let used = pair.raw(&[descriptor(addr, bytes, INDIRECT, 0)]);
        assert!(used == 0 || used == 24, "{what}: {used}");
        if used == 24 {
            assert_eq!(
                status_at(&mut pair.bad.vmm, to),
                ERR_INVALID_CHAIN,
                "{what}"
            );
        }
        pair.bad.works();
    }
    write(&mut pair.bad.vmm, &good);
    assert_eq!(pair.raw(&[descriptor(table, 32, INDIRECT, 0)]), 32);
    assert_eq!(status_at(&mut pair.bad.vmm, to), OK);
}

/// A small generator, so that a failure can be had again from its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

#[test]
fn random_chains_harm_nobody() {
    const SEED: u64 = 0x6e6f_7661_2026_1123;
    Pair::both(|pair| {
        println!("seed {SEED:#x}");
        let mut random = Random(SEED);
        let buffer = pair.bad.vmm.ram.alloc(8192).unwrap();
        for round in 0..1500 {
            let commands = [
                0x100, 0x101, 0x102, 0x103, 0x104, 0x130, 0x131, 0x132, 0x140, 0x141, 0x142, 0x110,
                0x111, 0x112, 0x113, 0x120, 0xffff,
            ];
            let mut message = request(random.pick(&commands), random.pick(&[0, pair.bad.ctx]), &[]);
            for _ in 0..random.below(12) {
                message.extend(le32(&[random.pick(&[0, 1, 0x1000, 0x2000, u32::MAX])]));
            }
            pair.bad.vmm.ram.write(buffer, &message).unwrap();
            let table: Vec<Descriptor> = (0..8)
                .map(|_| Descriptor {
                    addr: random.pick(&[buffer, buffer + 24, buffer + 4096, MEMORY - 8, u64::MAX]),
                    len: random.pick(&[0, 1, 24, 32, 48, 4096, u32::MAX]),
                    flags: random.pick(&[0, NEXT, NEXT | WRITE, WRITE, INDIRECT, 7, 0xffff]),
                    next: random.below(10) as u16,
                })
                .collect();
            pair.raw(&table);
            if round % 100 == 0 {
                pair.good.works();
            }
        }
        // Whatever it did to itself, it can start again.
        pair.bad.vmm.reboot().unwrap();
        assert_eq!(ask(&mut pair.bad.vmm, &negotiate(1)).0, OK);
        assert_eq!(ask(&mut pair.bad.vmm, &ctx_create()).0, OK);
    });
}
