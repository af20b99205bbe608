// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A page table that changes under an engine.

use nova_pci::Bar;
use nova_spec::{host::method, mem_op::MemOpC};

use super::rig::*;

const PAGE: u64 = 0xe0 << 32;

/// Two places in VRAM, of which [`PAGE`] leads to the first, and a privileged channel.
struct Moved {
    rig: Rig,
    channel: Channel,
    old: u64,
    new: u64,
    count: u32,
}

impl Moved {
    fn new() -> Self {
        let mut rig = Rig::new();
        let (old, new) = (rig.vram(4096, 4096), rig.vram(4096, 4096));
        let mut channel = rig.channel_with(1, |params| params.privileged = true);
        rig.map(PAGE, old, 4096, VRAM);
        rig.submit(&mut channel, &release(PAGE, 1));
        rig.wait("the first", |rig| rig.get64(old) == 1);
        // The page is another one, but nobody is told.
        rig.map(PAGE, new, 4096, VRAM);
        let count = 1;
        Self {
            rig,
            channel,
            old,
            new,
            count,
        }
    }

    /// Whether the engine sees the new page.
    fn sees_new(&mut self, before: &[u32]) -> bool {
        self.count += 1;
        let mut words = before.to_vec();
        words.extend(release(PAGE, self.count));
        self.rig.submit(&mut self.channel, &words);
        self.rig.wait_idle();
        let seen = [self.old, self.new].map(|at| self.rig.get64(at) == u64::from(self.count));
        assert_ne!(seen[0], seen[1]);
        seen[1]
    }

    fn write(&self, offset: u64, value: u64) {
        self.rig.bar0.write32(offset, value as u32).unwrap();
    }
}

#[test]
fn who_forgets_an_invalidation_has_the_old_page() {
    let mut moved = Moved::new();
    assert!(!moved.sees_new(&[]));
    // Of another address space, and one that is not triggered.
    moved.write(0xb8_30a0, (moved.rig.root + 4096) >> 8);
    moved.write(0xb8_30b0, 1 << 31 | 1);
    assert!(!moved.sees_new(&[]));
    moved.write(0xb8_30a0, moved.rig.root >> 8);
    moved.write(0xb8_30b0, 1);
    assert!(!moved.sees_new(&[]));
    // In system memory at the same address.
    moved.write(0xb8_30a0, moved.rig.root >> 8 | 2);
    moved.write(0xb8_30b0, 1 << 31 | 1);
    assert!(!moved.sees_new(&[]));
    moved.write(0xb8_30a0, moved.rig.root >> 8);
    moved.write(0xb8_30b0, 1 << 31 | 1);
    assert_eq!(moved.rig.bar0.read32(0xb8_30b0).unwrap() >> 31, 0);
    assert!(moved.sees_new(&[]));
}

#[test]
fn the_register_can_name_all_address_spaces() {
    let mut moved = Moved::new();
    moved.write(0xb8_30b0, 1 << 31 | 3);
    assert!(moved.sees_new(&[]));
}

#[test]
fn methods_invalidate_too() {
    let mut moved = Moved::new();
    let operation = |system, root| {
        let (c, d) = MemOpC::invalidate(system, root).unwrap();
        methods(0, method::MEM_OP_A, &[0, 0, c.raw_value(), d.raw_value()])
    };
    let root = moved.rig.root;
    assert!(!moved.sees_new(&operation(true, root)));
    assert!(!moved.sees_new(&operation(false, root + 4096)));
    assert!(moved.sees_new(&operation(false, root)));
    let mut moved = Moved::new();
    assert!(moved.sees_new(&methods(0, method::MEM_OP_C, &[1, 9 << 27])));
}

#[test]
fn an_invalidation_waits_for_what_is_under_way() {
    let mut rig = Rig::new();
    let (from, to) = (rig.vram(32 * MIB, 2 * MIB), rig.vram(32 * MIB, 2 * MIB));
    let map = Map {
        page: 2 * MIB,
        ..VRAM
    };
    rig.map(1 << 40, from, 32 * MIB, map);
    rig.map(2 << 40, to, 32 * MIB, map);
    rig.set_bytes(VRAM, from, &vec![0xaa; 32 << 20]);
    let mut channel = rig.channel(1);
    let mut words = set_object();
    words.extend(copy(1 << 40, 2 << 40, 32 << 20));
    rig.submit(&mut channel, &words);
    rig.wait("some of it", |rig| rig.model.counters().bytes > 0);
    // The destination goes elsewhere; what was there is somebody else's after that.
    for page in 0..16 {
        rig.entry((2 << 40) + page * 2 * MIB, 2 * MIB, 0);
    }
    rig.bar0.write32(0xb8_30b0, 1 << 31 | 3).unwrap();
    rig.set_bytes(VRAM, to, &vec![0x55; 32 << 20]);
    rig.wait("an end", |rig| {
        rig.model.counters().bytes == 32 * MIB
            || rig.host(|host| host.error_of(channel.id)).is_some()
    });
    assert!(rig
        .bytes(VRAM, to, 32 * MIB)
        .iter()
        .all(|byte| *byte == 0x55));
}

#[test]
fn nothing_is_under_way_when_it_is_answered() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let mut rig = Rig::new();
    let channel = rig.channel(1);
    let steps: [&(dyn Fn() + Sync); 5] = [
        &|| rig.bar0.write32(0xb8_30b0, 1 << 31 | 3).unwrap(),
        &|| rig.host(|host| host.schedule(channel.id, false)).unwrap(),
        &|| rig.host(|host| host.disable(channel.id)).unwrap(),
        &|| rig.host(|host| host.destroy(channel.id)).unwrap(),
        &|| nova_pci::Pci::reset(&rig.model).unwrap(),
    ];
    for step in steps {
        // As if a part of a copy was on its way.
        let underway = rig.model.card.underway.lock().unwrap();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                step();
                assert!(ended.load(Ordering::SeqCst), "answered too early");
            });
            // Time for it to be wrong in.
            std::thread::sleep(std::time::Duration::from_millis(20));
            ended.store(true, Ordering::SeqCst);
            drop(underway);
        });
    }
}
