// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Channels whose owner means harm. It is theirs alone: a channel beside them works all the
//! time, and its memory stays what it was.

use nova_spec::host::{userd, GpEntry};

use super::rig::*;

const SEMAPHORE: u64 = 0xf0 << 32;
const MEMORY: u64 = 0xe0 << 32;

/// A card on which `harm` has its way with channels of an address space of their own.
struct Attacked {
    rig: Rig,
    good: Channel,
    semaphore: u64,
    guarded: u64,
    count: u32,
    mean_root: u64,
}

impl Attacked {
    fn new() -> Self {
        let mut rig = Rig::new();
        let (semaphore, guarded) = (rig.vram(4096, 4096), rig.vram(0x10000, 4096));
        rig.map(SEMAPHORE, semaphore, 4096, VRAM);
        rig.map(MEMORY, guarded, 0x10000, VRAM);
        rig.set_bytes(VRAM, guarded, &noise(1, 0x8000));
        let mut good = rig.channel(1);
        rig.submit(&mut good, &set_object());
        let mean_root = rig.vram(4096, 4096);
        Self {
            rig,
            good,
            semaphore,
            guarded,
            count: 0,
            mean_root,
        }
    }

    /// Has a channel of the attacker, which sees some memory of its own.
    fn mean(&mut self, chid: u16) -> Channel {
        let ours = std::mem::replace(&mut self.rig.root, self.mean_root);
        let memory = self.rig.vram(0x10000, 4096);
        self.rig.map(MEMORY, memory, 0x10000, VRAM);
        let channel = self.rig.channel(chid);
        self.rig.root = ours;
        channel
    }

    /// The channel beside the attacker works.
    fn works(&mut self) {
        self.count += 1;
        let mut words = copy(MEMORY, MEMORY + 0x8000, 0x8000);
        words.extend(release(SEMAPHORE, self.count));
        // Entries are used once here, so a new channel comes before the push buffer is full.
        self.rig.submit(&mut self.good, &words);
        let (at, count) = (self.semaphore, u64::from(self.count));
        self.rig
            .wait("the good channel", |rig| rig.get64(at) == count);
        let seen = self.rig.bytes(VRAM, self.guarded, 0x10000);
        let expected = noise(1, 0x8000);
        assert!(seen[..0x8000] == expected && seen[0x8000..] == expected);
        let error = self.rig.host(|host| host.error_of(self.good.id));
        assert_eq!(error, None);
    }
}

#[test]
fn push_buffers_of_anything() {
    let mut attacked = Attacked::new();
    let mut rng = fastrand::Rng::with_seed(1);
    for round in 0..40 {
        let mut channel = attacked.mean(2);
        let words: Vec<u32> = (0..200)
            .map(|_| match rng.u8(0..6) {
                0 => rng.u32(..),
                1 => rng.u32(..) & 0x0fff,
                // A header of a few values for a likely method.
                2 | 3 => 1 << 29 | rng.u32(1..9) << 16 | 4 << 13 | rng.u32(0x40..0x110),
                4 => 1 << 29 | rng.u32(1..6) << 16 | rng.u32(0..0x22),
                _ => [0xc7b5, 0x186, 0x386, 0xe0, MEMORY as u32][rng.usize(0..5)],
            })
            .collect();
        let mut all = set_object();
        all.extend(words);
        attacked.rig.submit(&mut channel, &all);
        if round % 8 == 0 {
            attacked.works();
        }
        attacked.rig.host(|host| host.destroy(channel.id)).unwrap();
        // Memory of the attacker is not given back; start anew before there is none.
        if round % 10 == 9 {
            attacked = Attacked::new();
        }
    }
    attacked.works();
}

#[test]
fn rings_and_userd_that_change_meanwhile() {
    let mut attacked = Attacked::new();
    let mut rng = fastrand::Rng::with_seed(2);
    for _ in 0..4 {
        let channel = attacked.mean(2);
        for _ in 0..300 {
            let rig = &attacked.rig;
            let entry = match rng.bool() {
                true => rng.u64(..),
                false => GpEntry::push(channel.base + 4 * rng.u64(0..0x4000), rng.u32(1..99))
                    .unwrap()
                    .raw_value(),
            };
            let at = channel.memory + 8 * u64::from(rng.u32(0..ENTRIES));
            rig.system.store64(at, entry).unwrap();
            let word = rng.u32(0..ENTRIES + 2).to_le_bytes();
            let at = [userd::GP_PUT, userd::GP_GET][rng.usize(0..2)];
            rig.set_bytes(VRAM, channel.userd + at, &word);
            rig.doorbell(channel.id.token());
        }
        attacked.works();
        attacked.rig.host(|host| host.destroy(channel.id)).unwrap();
    }
}

#[test]
fn a_storm_of_doorbells() {
    let mut attacked = Attacked::new();
    let channel = attacked.mean(2);
    for round in 0..3000u32 {
        attacked.rig.doorbell(channel.id.token());
        attacked.rig.doorbell(round.wrapping_mul(0x9e37_79b9));
    }
    attacked.works();
    let good = attacked.good.id.token();
    for _ in 0..3000 {
        attacked.rig.doorbell(good);
    }
    attacked.works();
    attacked.rig.wait_idle();
}

#[test]
fn page_tables_of_anything() {
    let mut attacked = Attacked::new();
    let mut rng = fastrand::Rng::with_seed(3);
    let root = attacked.mean_root;
    // Every entry leads to the root, which is a table of every level.
    for entry in 0..512 {
        attacked.rig.put64(root + 8 * entry, root >> 4 | 1 << 1);
    }
    let page = attacked.rig.page_directory();
    let looped = attacked.rig.channel_with(2, |params| {
        params.page_directory = Some(crate::gpu::mmu::PageDirectory {
            address: root,
            ..page
        });
    });
    attacked.rig.set_put(&looped, 1);
    assert_eq!(attacked.rig.error(&looped).kind.except_type(), 31);
    attacked.works();
    // Random entries, in the tables of a channel that runs.
    for _ in 0..30 {
        attacked.rig.set_bytes(VRAM, root, &[0; 4096]);
        attacked.mean_root = attacked.rig.vram(4096, 4096);
        let mut channel = attacked.mean(3);
        for _ in 0..60 {
            let at = attacked.mean_root + 8 * rng.u64(0..24 * 512);
            // Only to its own memory: what tables may name is their driver's business.
            let page = attacked.mean_root + 4096 * rng.u64(0..24);
            let bits = [1 << 1, 1, 1 | 1 << 6, 1 << 3, 0][rng.usize(0..5)];
            let kind = rng.u64(0..3) << 56;
            attacked.rig.put64(at, page >> 4 | bits | kind);
        }
        let mut words = set_object();
        words.extend(copy(MEMORY, MEMORY + 0x8000, 0x2000));
        attacked.rig.submit(&mut channel, &words);
        attacked.rig.host(|host| host.destroy(channel.id)).unwrap();
    }
    attacked = Attacked::new();
    attacked.works();
}
